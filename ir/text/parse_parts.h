// The small parts of the grammar that need no names in scope: facts of inputs, attributes, locations (ir/text/parse.cpp
// reads the rest).
#pragma once

#include "ir/graph.h"
#include "ir/text/cursor.h"

namespace weft::ir {

// Reads `weft 1`, if it comes next.
void read_version(Cursor& cursor, bool required);
// Reads one of `role=param`, `init=uniform(-0.05,0.05)`, `layout=OIhw16i16o`, `slots=[w: f32[3] at 0 init=constant(0),
// ...]` and sets it in `input`.
void read_input_fact(Cursor& cursor, Input& input);
// Reads `axis=1, perm=[1,0]}` after the opening brace: attributes that `code` permits, each at most once.
Attrs read_attrs(Cursor& cursor, OpCode code);
// Reads, after '@', `scope`, `"file":line` or both.
Location read_where(Cursor& cursor);

}  // namespace weft::ir
