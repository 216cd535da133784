// A thunk for each kind of step.
#include "backends/cpu/program/executor.h"

#include "backends/cpu/program/batched_matmul.h"
#include "backends/cpu/program/pooling.h"
#include "backends/cpu/program/thunk.h"
#include "backends/cpu/similarity/similarity.h"
#include "backends/cpu/threads/memory.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

// The optimizer reads the gradients right after the matmuls that computed them, whose rows were distributed over the
// threads in order. Giving each thread its share of every part reads what is still in its cache. A share is cut into
// pieces, so that a thread that loses its core holds up one.
Shares shares_of(const weft_kernel_step& body, int threads) {
  const std::int64_t chunks = body.kernel->chunks;
  if (body.cut_count == 0 || threads < 2 || chunks < 2 * threads) return {};
  constexpr std::int64_t most = 16;  // pieces of a share
  const std::int64_t pieces = std::clamp<std::int64_t>(chunks / threads / body.cut_count, 1, most);
  Shares shares;
  for (int thread = 0; thread < threads; ++thread)
    for (int i = 0; i + 1 < body.cut_count; ++i) {
      const Range part{body.cuts[i] * chunks / body.elements, body.cuts[i + 1] * chunks / body.elements};
      for (std::int64_t piece = 0; piece < pieces; ++piece)
        shares.push_back(share_of(share_of(part, thread, threads), piece, pieces));
    }
  return shares;
}

struct Maker {
  using Made = std::unique_ptr<Thunk>;
  int threads;

  Made operator()(const weft_kernel_step& table) const {
    return std::make_unique<KernelThunk>(*table.kernel, threads, shares_of(table, threads));
  }
  Made operator()(const weft_matmul_step& table) const {
    if (table.count > 1) return make_batched_matmul(table, threads);
    return std::make_unique<PrimitiveThunk>(
        make_matmul(table.a, table.b, table.result, table.bias != 0, table.activation, threads));
  }
  Made operator()(const weft_convolution_step& table) const {
    return std::make_unique<PrimitiveThunk>(make_convolution(table, threads));
  }
  Made operator()(const weft_im2col_step& table) const { return std::make_unique<Im2colThunk>(table, threads); }
  Made operator()(const weft_winograd_step& table) const { return std::make_unique<WinogradThunk>(table, threads); }
  Made operator()(const weft_fill_step& table) const { return std::make_unique<FillThunk>(table); }
  Made operator()(const weft_relayout_step& table) const { return std::make_unique<RelayoutThunk>(table); }
  Made operator()(const weft_pooling_step& table) const { return make_pooling_thunk(table, threads); }
  Made operator()(const weft_similarity_step& table) const { return make_similarity(table, threads); }
  template <typename Other>
  Made operator()(const Other&) const {
    return nullptr;
  }
};

}  // namespace

runtime::Thunks make_thunks(const weft_program& program, int threads, const MakeCustom& make_custom) {
  runtime::Thunks items;
  for (int i = 0; i < program.step_count; ++i) {
    items.push_back(runtime::visit_table<std::unique_ptr<Thunk>>(program.steps[i], Maker{threads}));
    if (!items.back() && make_custom) items.back() = make_custom(i);
    if (!items.back()) fail("an artefact for oneDNN cannot run step {}", program.steps[i].name);
  }
  return items;
}

Executor::Executor(const weft_program& program, runtime::Thunks items)
    : runtime::Executor(program, std::move(items), [](std::size_t bytes) -> std::shared_ptr<void> {
        const auto memory = std::make_shared<HugeMemory>(bytes);
        return {memory, memory->data()};
      }) {}

}  // namespace weft::cpu
