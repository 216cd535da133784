// Text of packs.
#include "backends/cuda/codegen/pack.h"

#include <algorithm>

namespace weft::cuda {

using kernel::DimSet;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

namespace {

bool is_packed(const kernel::Map& map) { return map.strides.back() == 1; }

}  // namespace

Packs::Packs(const Job& job, int size, Source& source, Values& values)
    : job_(job),
      kernel_(job.kernel),
      size_(size),
      lane_(int(kernel_.dims.size()) - 1),
      source_(source),
      values_(values) {}

bool Packs::loads(const Node& node, DimSet available) const {
  const auto fixed = [&](NodeId index) { return (kernel_.nodes[index].varies & kernel::bit(lane_)) == 0; };
  return node.kind == NodeKind::load && (node.varies & ~available & ~kernel::bit(lane_)) == 0 && is_packed(node.map) &&
         kernel_.buffers[node.buffer].literal.empty() && std::all_of(node.operands.begin(), node.operands.end(), fixed);
}

void Packs::load(const std::vector<NodeId>& roots, DimSet available) {
  std::vector<bool> needed(kernel_.nodes.size(), false);
  for (const NodeId root : roots) needed[root] = true;
  for (NodeId id = NodeId(kernel_.nodes.size()); id-- > 0;)
    if (needed[id] && !values_.is_known(id))
      for (const NodeId operand : kernel_.nodes[id].operands) needed[operand] = true;
  for (NodeId id = 0; id < kernel_.nodes.size(); ++id) {
    const Node& node = kernel_.nodes[id];
    const bool is_loaded =
        std::any_of(loaded_.begin(), loaded_.end(), [&](const auto& each) { return each.first == id; });
    if (!needed[id] || is_loaded || !loads(node, available) || values_.is_known(id)) continue;
    const std::string name = variable(job_, id) + "_pack";
    source_.line(fmt::format("const auto {} = load_pack<{}>({} + {});", name, size_, job_.buffers.name(node.buffer),
                             values_.place(node)));
    loaded_.emplace_back(id, name);
  }
}

void Packs::open(const std::vector<const kernel::Store*>& stores) {
  for (const kernel::Store* store : stores)
    if (is_packed(store->map))
      source_.line(fmt::format("Pack<{}, {}> {}_pack;", element_name(kernel_.buffers[store->buffer].dtype), size_,
                               job_.buffers.name(store->buffer)));
  source_.line("#pragma unroll");
  source_.open(fmt::format("for (int k = 0; k < {}; ++k)", size_));
  values_.enter();
  values_.set_index(lane_, fmt::format("(i{} + k)", lane_));
  for (const auto& [id, pack] : loaded_) {
    const Node& node = kernel_.nodes[id];
    const Text value = from_memory(pack + ".at[k]", kernel_.buffers[node.buffer].dtype);
    source_.line(fmt::format("const {} {} = {};", type_name(kind_of(node.dtype)), variable(job_, id), value.code()));
    values_.define(id, variable(job_, id));
  }
}

void Packs::store(const kernel::Store& store, const std::string& value) {
  if (!is_packed(store.map)) return values_.store(store, value);
  source_.line(fmt::format("{}_pack.at[k] = {};", job_.buffers.name(store.buffer),
                           to_memory(value, kernel_.buffers[store.buffer].dtype)));
}

void Packs::close(const std::vector<const kernel::Store*>& stores) {
  values_.leave();
  source_.close();
  values_.set_index(lane_, fmt::format("i{}", lane_));
  for (const kernel::Store* store : stores)
    if (is_packed(store->map)) {
      const std::string& buffer = job_.buffers.name(store->buffer);
      source_.line(
          fmt::format("store_pack<{}>({} + {}, {}_pack);", size_, buffer, values_.address(store->map), buffer));
    }
}

}  // namespace weft::cuda
