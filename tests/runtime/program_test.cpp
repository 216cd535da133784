// Programs made by hand: what an executor refuses before anything runs.
#include <doctest/doctest.h>

#include "ir/error.h"
#include "runtime/program/executor.h"
#include "tests/support/temp_folder.h"

namespace weft::runtime {
namespace {

class Nothing final : public Thunk {
 public:
  void bind(const std::vector<void*>& pointers, void*) override { bound = pointers; }
  void run() override {}
  std::string kind() const override { return "nothing"; }
  std::vector<void*> bound;
};

// One step over an input of 16 bytes, an output of 8 and an arena of 256.
struct Program {
  weft_port input{"x", {WEFT_F32, 1, {4}, 16}, WEFT_DATA, 0}, output{"y", {WEFT_F32, 1, {2}, 8}, WEFT_DATA, 0};
  std::vector<weft_address> addresses{{WEFT_INPUT, 0, 8}, {WEFT_ARENA, 0, 256}, {WEFT_OUTPUT, 0, 0}};
  weft_step step{WEFT_STEP_CUSTOM, "add", nullptr, 0, 128, 128, nullptr};

  weft_program table() {
    step.addresses = addresses.data();
    step.address_count = int(addresses.size());
    weft_program program{};
    program.entry = "main";
    program.inputs = &input;
    program.outputs = &output;
    program.input_count = program.output_count = program.step_count = 1;
    program.arena_bytes = 256;
    program.steps = &step;
    return program;
  }
  std::string error() {
    const weft_program program = table();
    return test::error_of([&] {
      Thunks items;
      items.push_back(std::make_unique<Nothing>());
      const Executor executor(program, std::move(items), {});
    });
  }
};

TEST_CASE("executor: operands are bound to their addresses") {
  Program made;
  const weft_program program = made.table();
  Thunks items;
  items.push_back(std::make_unique<Nothing>());
  Executor executor(program, std::move(items), {});
  alignas(64) std::byte arena[256];
  std::byte x[16], y[8];
  void *inputs[] = {x}, *outputs[] = {y};
  executor.bind(arena, inputs, outputs);
  CHECK(static_cast<Nothing&>(executor.item(0)).bound == std::vector<void*>{x + 8, arena + 256, y});
}

TEST_CASE("executor: addresses outside of ports and arena are refused, with the step") {
  Program made;
  CHECK(made.error().empty());
  const auto refused = [&](std::size_t operand, const weft_address& address) {
    Program other;
    other.addresses[operand] = address;
    return other.error();
  };
  CHECK(refused(0, {WEFT_INPUT, 1, 0}) ==
        "step 0 of main, add: input 1 is none of the program's 1; compile the model again");
  CHECK(test::contains(refused(2, {WEFT_OUTPUT, 7, 0}), "output 7 is none of the program's 1"));
  CHECK(test::contains(refused(0, {WEFT_INPUT, 0, 17}), "operand 0 begins at byte 17 of 16"));
  CHECK(test::contains(refused(2, {WEFT_OUTPUT, 0, 9}), "operand 2 begins at byte 9 of 8"));
  CHECK(test::contains(refused(1, {WEFT_ARENA, 0, 257}), "operand 1 begins at byte 257 of 256"));
  CHECK(test::contains(refused(1, {weft_base(3), 0, 0}), "an address has base 3"));
  made.step.scratch_bytes = 129;
  CHECK(test::contains(made.error(), "its scratch, 129 bytes from byte 128 on, leaves the arena of 256"));
  made.step.scratch_offset = 300;
  CHECK(!made.error().empty());
}

}  // namespace
}  // namespace weft::runtime
