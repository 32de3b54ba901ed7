def write_table_h(rt): return ['']
def write_table_c(rt, reg): return ['']
