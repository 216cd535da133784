// Checks of compiled kernels against the reference interpreter, on strided memory with guards.
#pragma once

#include <string>
#include <vector>

#include "backends/cpu/threads/parallel.h"
#include "backends/reference/reference.h"
#include "ir/graph.h"
#include "tests/support/strided_view.h"

namespace weft::test {

// The outputs of one run; `bits`, where given, gets their memory.
std::vector<reference::Tensor> run_once(const weft_kernel& compiled, const ir::Graph& body,
                                        const std::vector<reference::Tensor>& inputs, const Layouts& layouts,
                                        int threads, std::vector<std::vector<char>>* bits);

// Compiles the body, runs it on 1, 2 and 3 threads and again, and compares all with the reference and each other.
void check_body(const ir::Graph& body, const std::vector<reference::Tensor>& inputs, const Layouts& layouts = {},
                const std::string& cpu = "native");

}  // namespace weft::test
