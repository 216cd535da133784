// Lowers a `fused` op's body to a loop-level Kernel (kernel.h), from which both code generators emit.
//
// Requirements on a body (region.h asks whether ops keep them; anything else is an InternalError here):
//  - Static dims. Ops: elementwise (incl. cast), constant, iota, random_*, broadcast, reduce_sum, reduce_max, `gather`,
//    `affine_sample`, and `reshape` between shapes whose dims are all 1.
//  - The iteration space S is the numpy broadcast of the dims of all values (right-aligned); every value has S_d or 1
//    in each dim d. The operands of gather and affine_sample, and the values behind them, are evaluated where they are
//    read and need not fit S: they are inputs, or made by elementwise ops, gather, constant, iota and broadcast.
//  - A reduce whose result is consumed, however indirectly, by an op whose result has size > 1 along one of its axes
//    is a *row* reduce; all row reduces of a body have the same axes. Any other reduce is a *final* one: its axes are
//    free, and its results pass through elementwise ops to outputs and are never reduced again. So a value is at point
//    level (varies along the row axes), at row level (after row reduces) or at final level.
//  - Outputs may have any level. Inputs and outputs are strided views (strides in elements, one per dim of their type).
//    An output may share memory with an input of the same type and strides if nothing computed from that input, except
//    reductions and what follows from them, is read at other positions or extends beyond it. So code generators store
//    at a position only after everything that reads the position has read it.
// The order of every sum depends only on the shape, never on the number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/kernel/kernel.h"

namespace weft::kernel {

using Strides = std::vector<std::int64_t>;  // in elements, one per dim; empty for row-major

Kernel lower(const ir::Graph& body, const std::vector<Strides>& inputs, const std::vector<Strides>& outputs,
             const std::string& name);

}  // namespace weft::kernel
