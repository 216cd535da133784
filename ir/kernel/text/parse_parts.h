// The parts of a kernel's text that need no names in scope.
#pragma once

#include "ir/kernel/kernel.h"
#include "ir/text/cursor.h"

namespace weft::kernel {

// `i1`, of so many loops.
int read_loop(ir::Cursor& cursor, int loops);
// `784*i0 + 3 + 6*min(%0, 8)` into the node's map, whose strides have their number, its operands and indirects.
void read_address(ir::Cursor& cursor, Node& node);
ir::OpCode read_code(ir::Cursor& cursor);

}  // namespace weft::kernel
