// A corpus of generated kernels, each with inputs and the outputs that the reference gives: compiled a few dozen to a
// translation unit, run under emulation on guarded memory, and compiled by NVRTC where it is.
#pragma once

#include <string>
#include <vector>

#include "backends/cuda/codegen/emit.h"
#include "tests/support/strided_view.h"

namespace weft::test {

struct CudaCase {
  std::string label;  // for a failure
  cuda::EmittedKernel kernel;
  std::vector<reference::Tensor> inputs, outputs;  // outputs as they should be
  Layouts layouts;
  std::int64_t points = 1;  // that one number of an output may be the sum of
  bool exact = false;       // to the bit
  bool is_run = true;
};

class CudaCorpus {
 public:
  void add(CudaCase each) { cases_.push_back(std::move(each)); }
  // The body lowered under a name of its own and emitted. Throws InternalError as kernel::lower does.
  void add(const ir::Graph& body, const std::vector<reference::Tensor>& inputs, const Layouts& layouts = {});
  std::string next_name() const { return "k" + std::to_string(cases_.size()); }
  // Compiled, and not run.
  void add_unrun(const ir::Graph& body);
  CudaCase& last() { return cases_.back(); }
  const std::vector<CudaCase>& cases() const { return cases_; }
  std::size_t size() const { return cases_.size(); }
  // Runs and compares every case, and prints how many there were. NVRTC: for sm_80 and sm_90.
  void check() const;

 private:
  void check_unit(std::size_t begin, std::size_t end) const;
  std::vector<CudaCase> cases_;
};

}  // namespace weft::test
