"""docs/pallets/<pallet>.md: what a user of the chain reads."""


def signature(fields): return ', '.join((f.name + ': ' if f.name else '') + f.type.text for f in fields)
def payload(e): return f'({signature(e.fields)})' if e.fields else ''


def write_docs(p):
    out = [f'# {p.title}', '', *([' '.join(p.docs), ''] if p.docs else []), f'Pallet {p.index}. Made from `{p.file}`.']
    if p.calls:
        out += ['', '## Calls', '', '| index | call | origin | built | what |', '|---|---|---|---|---|']
        out += [f'| {c.index} | `{c.name}({signature(c.fields)})` | {c.origin.replace("_", " ")} '
                f'| {"yes" if c.built else "no"} | {" ".join(c.docs)} |' for c in p.calls]
    if p.storage:
        out += ['', '## Storage', '', '| item | keys | value | what |', '|---|---|---|---|']
        out += [f'| `{s.name}` | {", ".join(f"{k}: {t.text}" for k, t, _ in s.keys)} '
                f'| `{s.value.text}{"?" if s.optional else ""}` | {" ".join(s.docs)} |' for s in p.storage]
    if p.consts:
        out += ['', '## Constants', ''] + [f'- `{c.name}: {c.type.text} = {c.value}` {" ".join(c.docs)}'.rstrip() for c in p.consts]
    if p.events:
        out += ['', '## Events', ''] + [f'- {e.index} `{e.name}{payload(e)}` {" ".join(e.docs)}'.rstrip() for e in p.events]
    if p.errors:
        out += ['', '## Errors', ''] + [f'- {e.index} `{e.name}` {" ".join(e.docs)}'.rstrip() for e in p.errors]
    return out


def write_not_built(rt):
    out = ['# Calls that are declared but not built', '']
    calls = [f'| {p.title} | {c.index} | `{c.name}` |' for p in rt.pallets for c in p.calls if not c.built]
    if not calls: return out + ['None: every call that the metadata declares has its rule.']
    return out + ['A client sees them in the metadata; the chain refuses them with the module error `CallNotBuilt` (200).', '',
                  '| pallet | index | call |', '|---|---|---|'] + calls
