// Cases of kernels: a body lowered, kernels as text, what both code generators make of them.
#include "tests/cases/kernel_kinds.h"

#include <algorithm>
#include <random>

#include "backends/cuda/codegen/emit.h"
#include "backends/reference/tensor.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "ir/kernel/text/parse.h"
#include "ir/kernel/text/print.h"
#include "ir/text/parse.h"
#include "tests/backends/cuda/cuda_emulation.h"
#include "tests/cases/case_values.h"
#include "tests/ir/kernel/interpret.h"
#ifdef WEFT_WITH_CPU
#include "backends/cpu/codegen/emit.h"
#include "backends/cpu/program/jit.h"
#endif

namespace weft::test {

namespace {

using kernel::Kernel;
using Memory = std::vector<std::vector<std::byte>>;  // of each argument

Outcome failed(std::string message, std::string actual = "") {
  return {false, std::move(actual), std::move(message), {}};
}

// The strides that `view NAME: 9 1` gives; none: row-major.
kernel::Strides view(const Case& test_case, const std::string& name) {
  kernel::Strides strides;
  for (const std::string& word : split(test_case.find("view " + name).value_or(""), ' '))
    strides.push_back(std::stoll(word));
  return strides;
}

Outcome run_lower(const Case& test_case) {
  const ir::Graph body = ir::parse_graph(test_case.input, "input");
  std::vector<kernel::Strides> inputs, outputs;
  for (std::uint32_t i = 0; i < body.inputs.size(); ++i) inputs.push_back(view(test_case, body.input_name(i)));
  for (const ir::Output& output : body.outputs) outputs.push_back(view(test_case, output.name));
  const Kernel lowered = kernel::lower(body, inputs, outputs, body.name);
  const std::string text = kernel::print(lowered);
  if (kernel::parse_kernel(text, "printed") != lowered) return failed("parse(print(kernel)) differs from it");
  return expect_text(test_case, text);
}

// Whether the lines of the expectation stand in the text, in their order, perhaps with others between them.
Outcome expect_lines(const Case& test_case, const std::string& text) {
  const std::vector<std::string> have = split(text, '\n');
  auto next = have.begin();
  for (const std::string& line : split(test_case.expected, '\n')) {
    const auto found =
        std::find_if(next, have.end(), [&](const std::string& each) { return each.find(line) != std::string::npos; });
    if (found == have.end())
      return failed(fmt::format("the line is missing, or not behind those before it:\n  {}\nin\n{}", line, text));
    next = found + 1;
  }
  return {};
}

Outcome run_emit(const Case& test_case) {
  const Kernel kernel = kernel::parse_kernel(test_case.input, "input");
  const std::string what = *test_case.find("emit");
  if (!test_case.has_expectation) fail("an emit case needs '// expect:' and lines of the text");
  if (what == "cuda") return expect_lines(test_case, cuda::emit(kernel).text);
  if (what != "llvm") fail("emit: '{}' is neither llvm nor cuda", what);
#ifdef WEFT_WITH_CPU
  return expect_lines(test_case, cpu::llvm_text(kernel, test_case.find("cpu").value_or("native")));
#else
  return {true, "", "", {"llvm: this build lacks the cpu backend"}};
#endif
}

// Running

struct Runner {
  std::string name;
  bool has_threads;
  void (*run)(const Kernel&, std::vector<void*>& buffers, int threads);
};

void run_emulated(const Kernel& kernel, std::vector<void*>& buffers, int) {
  const cuda::EmittedKernel emitted = cuda::emit(kernel);
  if (!Emulation({emitted}).run(emitted, buffers)) fail("cuda-emulated: a kernel writes beyond its scratch");
}

#ifdef WEFT_WITH_CPU
void run_compiled(const Kernel& kernel, std::vector<void*>& buffers, int threads) {
  cpu::Jit jit;
  jit.add(kernel);
  jit.compile();
  const weft_kernel& compiled = jit.kernel(0);
  const std::size_t bytes = (compiled.scratch_bytes / 64 + 1) * 64;
  const std::unique_ptr<void, void (*)(void*)> scratch(std::aligned_alloc(64, bytes), std::free);
  cpu::parallel_chunks(compiled.chunks, threads, [&](std::int64_t begin, std::int64_t end) {
    compiled.run(buffers.data(), scratch.get(), begin, end);
  });
  if (compiled.finish) compiled.finish(buffers.data(), scratch.get());
}
#endif

const std::vector<Runner>& runners() {
  static const std::vector<Runner> all = {
#ifdef WEFT_WITH_CPU
      {"cpu", true, run_compiled},
#endif
      {"cuda-emulated", false, run_emulated},
  };
  return all;
}

// A kernel and numbers for it.
class Trial {
 public:
  explicit Trial(const Case& test_case) : kernel_(kernel::parse_kernel(test_case.input, "input")) {
    std::mt19937_64 random{std::uint64_t(case_number(test_case, "seed", 1))};
    const std::vector<std::int64_t> sizes = sizes_of_arguments(kernel_);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const kernel::Buffer& buffer = kernel_.buffers[i];
      types_.push_back({buffer.dtype, {sizes[i]}});
      const char* const drawn = ir::is_float(buffer.dtype) ? "uniform -2 2" : "uniform 0 9";
      values_.push_back(buffer.output ? std::vector<double>(std::size_t(sizes[i]), 0)
                                      : read_input(test_case.find("input " + buffer.name).value_or(drawn),
                                                   std::size_t(sizes[i]), random));
      for (double& each : values_.back()) each = reference::round_to(buffer.dtype, each);
    }
  }

  std::string by_interpreter() const {
    std::vector<std::vector<double>> values = values_;
    interpret(kernel_, values);
    return text_of(values);
  }

  std::string by(const Runner& runner, int threads) const {
    Memory memory;
    std::vector<void*> buffers;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      memory.emplace_back(types_[i].bytes());
      reference::to_bytes({types_[i], values_[i]}, memory.back().data());
    }
    for (std::vector<std::byte>& each : memory) buffers.push_back(each.data());
    runner.run(kernel_, buffers, threads);
    std::vector<std::vector<double>> values;
    for (std::size_t i = 0; i < values_.size(); ++i)
      values.push_back(reference::from_bytes(types_[i], memory[i].data()).data);
    return text_of(values);
  }

 private:
  std::string text_of(const std::vector<std::vector<double>>& values) const {
    std::string text;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (kernel_.buffers[i].output) text += values_line(kernel_.buffers[i].name, types_[i], values[i]);
    return text;
  }

  Kernel kernel_;
  std::vector<ir::Type> types_;
  std::vector<std::vector<double>> values_;
};

// Each code generator against the interpreter of kernels, and that against the values of the case where it has some.
Outcome run_execute(const Case& test_case) {
  const Trial trial(test_case);
  const double tolerance = case_number(test_case, "tolerance", 1e-5);
  Outcome outcome;
  outcome.actual = trial.by_interpreter();
  if (test_case.has_expectation)
    if (const std::string difference = compare_values(test_case.expected, outcome.actual, tolerance);
        !difference.empty())
      return failed("the interpreter: " + difference, outcome.actual);
  for (const std::string& name : split(*test_case.find("execute"), ',')) {
    const auto runner =
        std::find_if(runners().begin(), runners().end(), [&](const Runner& each) { return each.name == name; });
    if (runner == runners().end()) {
      outcome.skipped.push_back(name + ": this build lacks it");
      continue;
    }
    const std::string text = trial.by(*runner, 1);
    if (runner->has_threads && text != trial.by(*runner, 2))
      return failed(name + ": one thread and two give different bits");
    if (const std::string difference = compare_values(outcome.actual, text, tolerance); !difference.empty())
      return failed(fmt::format("{}: {}\n{}", name, difference, text));
  }
  return outcome;
}

}  // namespace

std::vector<CaseKind> kernel_case_kinds() {
  return {
      {"lower",
       "a graph as the body of a fused op: the kernel that it is lowered to; `view NAME: 9 1` gives strides of an "
       "input "
       "or output",
       {"view *"},
       run_lower},
      {"emit", "llvm or cuda, of a kernel: lines of the text, in order", {"cpu"}, run_emit},
      {"execute",
       "cpu, cuda-emulated: what a kernel computes, against an interpreter of kernels",
       {"seed", "tolerance", "input *"},
       run_execute},
  };
}

}  // namespace weft::test
