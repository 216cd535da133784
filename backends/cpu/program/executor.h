// The cpu backend's thunks, and the threads that they run on.
#pragma once

#include <functional>
#include <memory>

#include "runtime/program/executor.h"

namespace weft::cpu {

// Makes the thunk of a step that the tables do not describe, by its index.
using MakeCustom = std::function<std::unique_ptr<runtime::Thunk>(int step)>;

// One per step. The program must outlive them. A null `make_custom`: an artefact, in which every step has a table.
runtime::Thunks make_thunks(const weft_program& program, int threads, const MakeCustom& make_custom = nullptr);

class Executor : public runtime::Executor {
 public:
  Executor(const weft_program& program, runtime::Thunks items);
};

}  // namespace weft::cpu
