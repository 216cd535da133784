// Compiled kernels on views, by any number of threads.
#include "tests/backends/cpu/kernel_check.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <numeric>

#include "backends/cpu/program/jit.h"
#include "backends/cpu/threads/parallel.h"
#include "ir/kernel/text/parse.h"
#include "ir/kernel/text/print.h"

namespace weft::test {

using kernel::Strides;
using reference::Tensor;

namespace {

struct Scratch {
  explicit Scratch(std::size_t bytes) : memory(std::aligned_alloc(64, (bytes / 64 + 1) * 64)) {
    std::memset(memory, 0xff, (bytes / 64 + 1) * 64);
  }
  ~Scratch() { std::free(memory); }
  void* memory;
};

}  // namespace

std::vector<Tensor> run_once(const weft_kernel& compiled, const ir::Graph& body, const std::vector<Tensor>& inputs,
                             const Layouts& layouts, int threads, std::vector<std::vector<char>>* bits) {
  std::vector<View> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    views.emplace_back(inputs[i].type, layouts.inputs.empty() ? Strides() : layouts.inputs[i]);
    views.back().write(inputs[i]);
  }
  for (std::size_t i = 0; i < body.outputs.size(); ++i)
    views.emplace_back(body.type(body.outputs[i].value), layouts.outputs.empty() ? Strides() : layouts.outputs[i]);
  std::vector<std::size_t> place(views.size());
  std::iota(place.begin(), place.end(), std::size_t{0});
  for (const auto& [output, input] : layouts.in_place) place[inputs.size() + std::size_t(output)] = std::size_t(input);
  std::vector<void*> buffers;
  for (const std::size_t each : place) buffers.push_back(views[each].data());
  Scratch scratch(compiled.scratch_bytes);
  const auto chunks = [&](std::int64_t begin, std::int64_t end) {
    compiled.run(buffers.data(), scratch.memory, begin, end);
  };
  cpu::parallel_chunks(compiled.chunks, threads, chunks);
  if (compiled.finish) compiled.finish(buffers.data(), scratch.memory);
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    const View& view = views[place[inputs.size() + i]];
    results.push_back(view.read());
    if (bits) bits->push_back(view.memory);
  }
  for (const View& view : views) CHECK(view.guards_hold());
  return results;
}

void check_body(const ir::Graph& body, const std::vector<Tensor>& inputs, const Layouts& layouts,
                const std::string& cpu) {
  const std::vector<Strides> dense_in(inputs.size()), dense_out(body.outputs.size());
  const kernel::Kernel lowered = kernel::lower(body, layouts.inputs.empty() ? dense_in : layouts.inputs,
                                               layouts.outputs.empty() ? dense_out : layouts.outputs, "kernel");
  CAPTURE(kernel::print(lowered));
  CHECK(kernel::parse_kernel(kernel::print(lowered), "printed") == lowered);
  cpu::Jit jit(cpu);
  const int index = jit.add(lowered);
  jit.compile();
  const std::vector<Tensor> want = reference::run<float>(body, inputs);
  std::vector<std::vector<char>> first;
  for (const int threads : {1, 2, 3, 1}) {
    CAPTURE(threads);
    std::vector<std::vector<char>> bits;
    const std::vector<Tensor> got = run_once(jit.kernel(index), body, inputs, layouts, threads, &bits);
    if (first.empty()) first = bits;
    CHECK(bits == first);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(body.outputs[i].name);
      CHECK(error_of(got[i], want[i], lowered.points()) <= 1);
    }
  }
}

}  // namespace weft::test
