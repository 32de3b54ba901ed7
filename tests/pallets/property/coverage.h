/* coverage.h - which calls were made, how many succeeded, and which errors were met. */
#ifndef COVERAGE_H
#define COVERAGE_H
#include "runtime.h"
#include "step.h"

/* coverage_count counts a step, and the calls that others ran in it as far as events tell. */
void coverage_count(const step_t *step);

/* coverage_trace prints a step and what it told. */
void coverage_trace(uint32_t block, const step_t *step);

/* coverage_invalid counts an extrinsic that was not let into the block. */
void coverage_invalid(validity_t why);

#endif
