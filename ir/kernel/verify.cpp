// The rules of a kernel, from its loops up: later rules rely on earlier ones.
#include "ir/kernel/verify.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/kernel/queries.h"
#include "ir/visible.h"

namespace weft::kernel {

namespace {

using ir::DType;
using ir::OpCode;
using Part = Fault::Part;

constexpr std::int64_t kMostPoints = std::int64_t{1} << 48;  // of a kernel, and elements that a map spans

const char* name(Level level) {
  switch (level) {
    case Level::point:
      return "at each point";
    case Level::row:
      return "once per row";
    case Level::final:
      return "after all points";
  }
  return "";
}

// bf16 and f16 are computed in f32, and may meet it.
DType computed(DType dtype) { return ir::is_narrow_float(dtype) ? DType::f32 : dtype; }

class Verifier {
 public:
  explicit Verifier(const Kernel& kernel) : kernel_(kernel) {}

  void run() {
    dims();
    buffers();
    for (; at_ < kernel_.nodes.size(); ++at_) node(kernel_.nodes[at_]);
    stages();
    stores();
  }

 private:
  template <typename... Args>
  [[noreturn]] static void fault(Part part, std::size_t index, fmt::format_string<Args...> format, Args&&... args) {
    throw Fault{part, index, fmt::format(format, std::forward<Args>(args)...)};
  }
  // Of the node being checked.
  template <typename... Args>
  void need(bool condition, fmt::format_string<Args...> format, Args&&... args) const {
    if (!condition) fault(Part::node, at_, "%{}: {}", at_, fmt::format(format, std::forward<Args>(args)...));
  }

  static std::string loops(DimSet set) {
    std::string text;
    for (const int d : list(set)) text += fmt::format("{}i{}", text.empty() ? "" : ", ", d);
    return text.empty() ? "no loop" : text;
  }
  DimSet all() const { return bit(int(kernel_.dims.size())) - 1; }

  // Loops

  void dims() {
    if (kernel_.dims.size() > kMostDims)
      fault(Part::kernel, 0, "{} loops, but a kernel has at most {}", kernel_.dims.size(), kMostDims);
    std::int64_t points = 1;
    for (std::size_t d = 0; d < kernel_.dims.size(); ++d) {
      const Dim& dim = kernel_.dims[d];
      if (dim.size < 2) fault(Part::dim, d, "loop i{} has {} point(s), but a loop has at least 2", d, dim.size);
      if (dim.size > kMostPoints / points) fault(Part::dim, d, "more than {} points", kMostPoints);
      points *= dim.size;
      if (!dim.row && (row_set(kernel_) & (bit(int(d)) - 1)) != 0)
        fault(Part::dim, d, "loop i{} stands inside a row, but the row's loops are the innermost", d);
    }
    lane();
  }

  void lane() {
    const int last = int(kernel_.dims.size()) - 1, lane = kernel_.lane;
    const int last_outer = last - int(list(row_set(kernel_)).size());
    if (last < 0 ? lane == -1 : (lane >= 0 && (lane == last || lane == last_outer))) return;
    if (lane < 0) fault(Part::kernel, 0, "no loop lies across lanes");
    fault(Part::kernel, 0, "loop i{} lies across lanes, but only the last loop{} may", lane,
          last_outer >= 0 && last_outer != last ? fmt::format(" of the row or i{}", last_outer) : "");
  }

  // Buffers

  void buffers() {
    static const char* const kinds[] = {"an input", "an output", "a literal"};
    int last = 0, arguments = 0;
    for (std::size_t i = 0; i < kernel_.buffers.size(); ++i) {
      const Buffer& each = kernel_.buffers[i];
      if (each.output && !each.literal.empty()) fault(Part::buffer, i, "an output holds no literal numbers");
      const int kind = !each.literal.empty() ? 2 : each.output ? 1 : 0;
      if (kind < last) fault(Part::buffer, i, "{} stands after {}", kinds[kind], kinds[last]);
      last = kind;
      arguments += kind < 2;
    }
    if (arguments != kernel_.arguments)
      fault(Part::kernel, 0, "{} buffers are passed in, but {} are not literals", kernel_.arguments, arguments);
  }

  // Nodes

  void node(const Node& node) const {
    need(node.map.strides.size() == kernel_.dims.size(), "a map of {} strides over {} loops", node.map.strides.size(),
         kernel_.dims.size());
    for (const NodeId operand : node.operands)
      need(operand < at_, "it reads %{}, but operands are earlier nodes", operand);
    unused_fields(node);
    operands(node);
    switch (node.kind) {
      case NodeKind::load:
        load(node);
        break;
      case NodeKind::constant:
        break;
      case NodeKind::index:
        need(node.dtype != DType::boolean, "an index is a number, not a bool");
        break;
      case NodeKind::random:
        random(node);
        break;
      case NodeKind::op:
        op(node);
        break;
      case NodeKind::row_reduce:
      case NodeKind::final_reduce:
        reduction(node);
        break;
    }
    order(node);
  }

  // So that equal kernels are equal, and their text says everything.
  void unused_fields(const Node& node) const {
    const bool reads = node.kind == NodeKind::load || node.kind == NodeKind::random;
    const bool reduces = node.kind == NodeKind::row_reduce || node.kind == NodeKind::final_reduce;
    const bool has_map = reads || node.kind == NodeKind::index || node.kind == NodeKind::final_reduce;
    const bool has_code = node.kind == NodeKind::random || node.kind == NodeKind::op || reduces;
    const bool is_clean = (has_code || node.code == OpCode::constant) && (reads || node.buffer == 0) &&
                          (node.kind == NodeKind::constant || node.value == 0) &&
                          (node.kind == NodeKind::random || node.stream == 0) &&
                          (has_map || (node.map.offset == 0 && nonzero(node.map) == 0)) &&
                          (node.kind == NodeKind::load || node.indirect.empty()) &&
                          (node.kind == NodeKind::final_reduce || node.extent == 0) && (reduces || node.once == 0);
    need(is_clean, "it holds a number that its kind does not use");
  }

  void operands(const Node& node) const {
    std::size_t least = 0, most = 0;
    if (node.kind == NodeKind::load) {
      least = most = node.indirect.size();
    } else if (node.kind == NodeKind::row_reduce || node.kind == NodeKind::final_reduce) {
      least = most = 1;
    } else if (node.kind == NodeKind::op) {
      need(ir::is_elementwise(node.code), "{} is not an elementwise op", ir::name(node.code));
      least = std::size_t(ir::info(node.code).min_arity);
      most = std::size_t(ir::info(node.code).max_arity);
    }
    need(node.operands.size() >= least && node.operands.size() <= most, "{} operand(s), but it takes {}",
         node.operands.size(), least);
  }

  const Buffer& buffer(const Node& node) const {
    need(node.buffer < kernel_.buffers.size(), "buffer {} of {}", node.buffer, kernel_.buffers.size());
    need(!kernel_.buffers[node.buffer].output, "it reads {}, an output", brief(kernel_.buffers[node.buffer].name));
    return kernel_.buffers[node.buffer];
  }

  // The first and last element that the map reaches.
  std::pair<std::int64_t, std::int64_t> range(const Map& map, Part part, std::size_t index) const {
    std::int64_t first = map.offset, last = map.offset;
    if (std::abs(map.offset) > kMostPoints) fault(part, index, "an offset of more than {} elements", kMostPoints);
    for (std::size_t d = 0; d < map.strides.size(); ++d) {
      const std::int64_t stride = map.strides[d], size = kernel_.dims[d].size;
      if (stride > kMostPoints / size || stride < -kMostPoints / size)
        fault(part, index, "a stride of {} along i{} spans more than {} elements", stride, d, kMostPoints);
      (stride < 0 ? first : last) += stride * (size - 1);
    }
    if (first < 0) fault(part, index, "its first element lies {} before the buffer", -first);
    return {first, last};
  }

  void load(const Node& node) const {
    const Buffer& from = buffer(node);
    need(node.dtype == from.dtype, "{} is loaded as {}", ir::name(from.dtype), ir::name(node.dtype));
    std::int64_t last = range(node.map, Part::node, at_).second;
    for (std::size_t i = 0; i < node.indirect.size(); ++i) {
      const auto& [stride, size] = node.indirect[i];
      const Node& index = kernel_.nodes[node.operands[i]];
      need(index.dtype == DType::i32, "the index %{} is {}, but an index is i32", node.operands[i],
           ir::name(index.dtype));
      need(size >= 1 && stride >= 0 && stride <= kMostPoints && size <= kMostPoints / std::max<std::int64_t>(stride, 1),
           "an index below {} with stride {}", size, stride);
      last += stride * (size - 1);
    }
    need(from.literal.empty() || last < std::int64_t(from.literal.size()), "it reads element {} of {}, which has {}",
         last, brief(from.name), from.literal.size());
  }

  void random(const Node& node) const {
    const Buffer& seed = buffer(node);
    need(ir::has(node.code, ir::Trait::random), "{} draws no numbers", ir::name(node.code));
    need(seed.dtype == DType::i32 && seed.literal.empty(), "a seed is an input of i32, not {}", ir::name(seed.dtype));
    need(ir::is_float(node.dtype), "random numbers are floats, not {}", ir::name(node.dtype));
    range(node.map, Part::node, at_);
  }

  // The graph's rule, on scalars.
  void op(const Node& node) const {
    std::vector<ir::Type> types;
    for (const NodeId operand : node.operands) types.push_back({computed(kernel_.nodes[operand].dtype), {}});
    try {
      infer(node.code, types, {}, ir::Type{computed(node.dtype), {}});
    } catch (const Error& error) {
      need(false, "[{}] {}", ir::name(node.code), error.what());
    }
  }

  void reduction(const Node& node) const {
    const Node& from = kernel_.nodes[node.operands[0]];
    const DimSet row = row_set(kernel_);
    const bool is_row = node.kind == NodeKind::row_reduce;
    need(node.code == OpCode::reduce_sum || node.code == OpCode::reduce_max, "{} does not reduce", ir::name(node.code));
    need(node.dtype == from.dtype, "{} of {} makes {}", ir::name(node.code), ir::name(from.dtype),
         ir::name(node.dtype));
    need((node.once & ~(is_row ? row : all())) == 0, "once along {}, but it reduces {}",
         loops(node.once & ~(is_row ? row : all())), is_row ? "rows" : "all loops");
    need((node.once & from.varies) == 0, "its operand varies along {}, where it counts once",
         loops(node.once & from.varies));
    if (is_row) {
      need(node.once != row, "it reduces no loop of a row");
      return;
    }
    need(from.level != Level::final, "it reduces what is complete only after all points");
    accumulators(node);
  }

  // Dense, from the lane dim outwards.
  void accumulators(const Node& node) const {
    const DimSet kept = nonzero(node.map);
    need((kept & node.once) == 0, "it keeps {}, where its operand counts once", loops(kept & node.once));
    std::int64_t extent = 1;
    std::vector<int> inside_out = list(kept);
    std::stable_sort(inside_out.begin(), inside_out.end(),
                     [&](int a, int b) { return node.map.strides[std::size_t(a)] < node.map.strides[std::size_t(b)]; });
    for (const int d : inside_out) {
      need(node.map.strides[std::size_t(d)] == extent, "its accumulators lie {} apart along i{}, not {}",
           node.map.strides[std::size_t(d)], d, extent);
      extent *= kernel_.dims[std::size_t(d)].size;
    }
    need(node.map.offset == 0 && node.extent == extent, "{} accumulators, but its map has {}", node.extent, extent);
    need(!(kept & bit(std::max(kernel_.lane, 0))) || node.map.strides[std::size_t(kernel_.lane)] == 1,
         "its accumulators do not follow each other along the lanes");
  }

  // What follows from the operands: dims, level and stage.
  void order(const Node& node) const {
    const DimSet varies = varies_of(kernel_, node);
    need(node.varies == varies, "it varies along {}, by what it is made from along {}", loops(node.varies),
         loops(varies));
    const Level level = level_of(kernel_, node);
    need(node.level == level, "it is computed {}, by what it is made from {}", name(node.level), name(level));
    if (level == Level::final && node.kind != NodeKind::final_reduce)
      for (const NodeId operand : node.operands)
        need(kernel_.nodes[operand].level == Level::final || is_free(kernel_.nodes[operand]),
             "a final value meets %{}, which belongs to a row", operand);
    const int first = first_stage(kernel_, node);
    if (node.kind == NodeKind::row_reduce)
      need(node.stage >= first && node.stage <= kernel_.row_stages, "it ends stage {}, but may end {} to {}",
           node.stage, first, kernel_.row_stages);
    else
      need(node.stage == first, "it is in stage {}, what it is made from is complete in stage {}", node.stage, first);
    need(level != Level::point || node.stage <= kernel_.row_stages, "it is in stage {}, after the last, {}", node.stage,
         kernel_.row_stages);
  }

  void stages() const {
    if (kernel_.row_stages < 0) fault(Part::kernel, 0, "{} stages", kernel_.row_stages);
    for (int stage = 0; stage < kernel_.row_stages; ++stage)
      if (row_reductions(kernel_, stage).empty()) fault(Part::kernel, 0, "row stage {} ends in no reduction", stage);
  }

  // Stores

  void stores() const {
    const auto is_output = [](const Buffer& each) { return each.output; };
    const auto first = std::find_if(kernel_.buffers.begin(), kernel_.buffers.end(), is_output);
    const auto outputs = std::size_t(std::count_if(first, kernel_.buffers.end(), is_output));
    for (std::size_t i = 0; i < kernel_.stores.size(); ++i) {
      if (i >= outputs || kernel_.stores[i].buffer != std::uint32_t(first - kernel_.buffers.begin()) + i)
        fault(Part::store, i, "each output is stored once, in the order of the buffers");
      store(kernel_.stores[i], i);
    }
    if (kernel_.stores.size() < outputs)
      fault(Part::buffer, std::size_t(first - kernel_.buffers.begin()) + kernel_.stores.size(),
            "the output is not stored");
  }

  void store(const Store& store, std::size_t index) const {
    const auto need_store = [&](bool condition, const auto& text) {
      if (!condition) fault(Part::store, index, "{}", text());
    };
    need_store(store.value < kernel_.nodes.size(), [&] { return fmt::format("there is no %{}", store.value); });
    const Node& value = kernel_.nodes[store.value];
    const DType dtype = kernel_.buffers[store.buffer].dtype;
    need_store(value.dtype == dtype, [&] {
      return fmt::format("%{} is {}, the output {}", store.value, ir::name(value.dtype), ir::name(dtype));
    });
    need_store(store.map.strides.size() == kernel_.dims.size(), [&] {
      return fmt::format("a map of {} strides over {} loops", store.map.strides.size(), kernel_.dims.size());
    });
    range(store.map, Part::store, index);
    need_store(store.dims == nonzero(store.map), [&] {
      return fmt::format("it extends along {}, its map along {}", loops(store.dims), loops(nonzero(store.map)));
    });
    need_store((value.varies & ~store.dims) == 0, [&] {
      return fmt::format("%{} varies along {}, where only one element is stored", store.value,
                         loops(value.varies & ~store.dims));
    });
    need_store(is_complete(value, store), [&] {
      return fmt::format("%{}, which is computed {}, is not complete where it is stored: {}", store.value,
                         name(value.level), name(store.level));
    });
  }

  bool is_complete(const Node& value, const Store& store) const {
    const DimSet row = row_set(kernel_);
    switch (store.level) {
      case Level::point:
        return value.level != Level::final && ready_stage(value) <= kernel_.row_stages;
      case Level::row:
        return value.level != Level::final && row != 0 && (store.dims & row) == 0;
      case Level::final:
        return value.level == Level::final || is_free(value);
    }
    return false;
  }

  const Kernel& kernel_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<Fault> find_fault(const Kernel& kernel) {
  try {
    Verifier(kernel).run();
  } catch (Fault& fault) {
    return std::move(fault);
  }
  return {};
}

void verify(const Kernel& kernel) {
  const std::optional<Fault> fault = find_fault(kernel);
  if (!fault) return;
  static const char* const parts[] = {"", "loop ", "buffer ", "node ", "store "};
  const std::string part =
      fault->part == Part::kernel ? "" : fmt::format("{}{}: ", parts[int(fault->part)], fault->index);
  throw InternalError(fmt::format("internal error: kernel {}: {}{}", kernel.name, part, fault->text));
}

}  // namespace weft::kernel
