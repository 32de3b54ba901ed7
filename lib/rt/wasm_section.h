/* wasm_section.h - what a wasm module says about itself, found without running it.
 *
 * A module is eight bytes of magic and version, then sections: an id, a length as LEB128, and as many bytes.
 * Custom sections (id 0) begin with their name.  The runtime's version stands in one of them
 * (docs/formats/chain.md). */
#ifndef WASM_SECTION_H
#define WASM_SECTION_H
#include "base.h"

/* wasm_custom_section finds the first custom section of a name; *content points into the module.  Every
 * section is walked: false also when the module is none, is cut short or has a section of an unknown kind. */
NODISCARD bool wasm_custom_section(bytes_t module, bytes_t name, bytes_t *content);

#endif
