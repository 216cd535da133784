// Kernels that read a value along one dim and store it along another. They go through a tile of shared memory, so that
// neighbouring threads read and write neighbouring elements.
#include <algorithm>
#include <optional>

#include "backends/cuda/codegen/job.h"

namespace weft::cuda {

using kernel::Kernel;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

namespace {

constexpr int kTile = 32, kRows = 8;  // threads of a block: kRows rows of kTile
constexpr std::int64_t kLeastSize = 8;

struct Transpose {
  NodeId load = 0;
  int from = 0, to = 0;  // the contiguous dims of the load and of the store
};

// The single load of the single stored value; none if the value needs anything else except numbers.
std::optional<NodeId> only_load(const Kernel& kernel) {
  if (kernel.stores.size() != 1 || kernel.stores[0].level != Level::point || !final_reductions(kernel).empty())
    return {};
  std::optional<NodeId> found;
  std::vector<bool> needed(kernel.nodes.size(), false);
  needed[kernel.stores[0].value] = true;
  for (NodeId id = NodeId(kernel.nodes.size()); id-- > 0;) {
    if (!needed[id]) continue;
    const Node& node = kernel.nodes[id];
    for (const NodeId operand : node.operands) needed[operand] = true;
    if (node.kind == NodeKind::constant || node.kind == NodeKind::op) continue;
    if (node.kind != NodeKind::load || found || !node.indirect.empty()) return {};
    found = id;
  }
  return found;
}

std::optional<Transpose> transpose_of(const Kernel& kernel) {
  const std::optional<NodeId> load = only_load(kernel);
  if (!load || kernel.dims.size() < 2 || row_set(kernel) != 0) return {};
  const int to = int(kernel.dims.size()) - 1;
  const std::vector<std::int64_t>& read = kernel.nodes[*load].map.strides;
  const auto from = std::find(read.begin(), read.end(), 1) - read.begin();
  if (from >= to || kernel.stores[0].map.strides[std::size_t(to)] != 1 || read[std::size_t(to)] == 0) return {};
  if (kernel.dims[std::size_t(from)].size < kLeastSize || kernel.dims[std::size_t(to)].size < kLeastSize) return {};
  return Transpose{*load, int(from), to};
}

class TransposeWriter {
 public:
  TransposeWriter(Job& job, const Transpose& transpose) : job_(job), kernel_(job.kernel), transpose_(transpose) {}

  void write() {
    std::int64_t blocks = tiles(transpose_.from) * tiles(transpose_.to);
    for (int d = 0; d < int(kernel_.dims.size()); ++d)
      if (d != transpose_.from && d != transpose_.to) {
        others_.push_back(d);
        blocks *= kernel_.dims[std::size_t(d)].size;
      }
    add_function(job_, identifier(kernel_.name), blocks, kTile * kRows,
                 [&](Source& source, Values& values) { write_body(source, values); });
  }

 private:
  std::int64_t size(int dim) const { return kernel_.dims[std::size_t(dim)].size; }
  std::int64_t tiles(int dim) const { return ceil_div(size(dim), kTile); }

  void write_body(Source& source, Values& values) {
    const Node& load = kernel_.nodes[transpose_.load];
    const kernel::Buffer& buffer = kernel_.buffers[load.buffer];
    const kernel::Store& store = kernel_.stores[0];
    const std::int64_t across = tiles(transpose_.to), down = tiles(transpose_.from);
    source.line(fmt::format("__shared__ {} tile[{}][{}];", element_name(buffer.dtype), kTile, kTile + 1));
    source.line(fmt::format("const int tx = threadIdx.x % {0}, ty = threadIdx.x / {0};", kTile));
    source.line(fmt::format("const int from = blockIdx.x % {1} * {0}, to = blockIdx.x / {1} % {2} * {0};", kTile, down,
                            across));
    if (!others_.empty()) {
      source.line(fmt::format("const {} rest = blockIdx.x / {};", job_.index, down * across));
      write_indices(source, values, kernel_, others_, "rest");
    }
    open_walk(source, values, "from + tx", "to + ty + k");
    source.line(fmt::format("tile[ty + k][tx] = {}[{}];", job_.buffers.name(load.buffer), values.place(load)));
    source.close();
    source.line("__syncthreads();");
    open_walk(source, values, "from + ty + k", "to + tx");
    const std::string name = variable(job_, transpose_.load);
    const Text value = from_memory("tile[tx][ty + k]", buffer.dtype);
    source.line(fmt::format("const {} {} = {};", type_name(kind_of(load.dtype)), name, value.code()));
    values.enter();
    values.define(transpose_.load, name);
    values.store(store, values.get(store.value));
    values.leave();
    source.close();
  }

  // A loop over the positions of a tile that lie inside the value.
  void open_walk(Source& source, Values& values, const std::string& from, const std::string& to) {
    const std::string i = fmt::format("i{}", transpose_.from), j = fmt::format("i{}", transpose_.to);
    source.open(fmt::format("for (int k = 0; k < {}; k += {})", kTile, kRows));
    source.line(fmt::format("const {} {} = {}, {} = {};", job_.index, i, from, j, to));
    source.line(fmt::format("if ({} >= {} || {} >= {}) continue;", i, size(transpose_.from), j, size(transpose_.to)));
    values.set_index(transpose_.from, i);
    values.set_index(transpose_.to, j);
  }

  Job& job_;
  const Kernel& kernel_;
  Transpose transpose_;
  std::vector<int> others_;
};

}  // namespace

bool write_transpose(Job& job) {
  const std::optional<Transpose> transpose = transpose_of(job.kernel);
  if (transpose) TransposeWriter(job, *transpose).write();
  return transpose.has_value();
}

}  // namespace weft::cuda
