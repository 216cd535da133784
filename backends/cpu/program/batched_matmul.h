// Matmuls with leading dims: as many products as their indices, over threads.
#pragma once

#include <memory>

#include "runtime/program/executor.h"
#include "runtime/program/fields.h"

namespace weft::cpu {

// A generated kernel computes each product if the step has one, else oneDNN. Each runs on one thread, so that bits do
// not depend on their number. The step must outlive the thunk.
std::unique_ptr<runtime::Thunk> make_batched_matmul(const weft_matmul_step& step, int threads);

}  // namespace weft::cpu
