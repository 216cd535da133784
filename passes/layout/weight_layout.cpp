// Stores convolution kernels, their gradients and moments in the target's layout, so that no step reorders them. Sums
// and elementwise ops over a flat vector do not depend on the order of its elements, so any slot that only convolutions
// read can have such a layout.
#include <algorithm>
#include <unordered_map>

#include "ir/memory_layout.h"
#include "passes/layout/kept_layouts.h"
#include "passes/passes.h"

namespace weft::passes {

using ir::Attr;
using ir::Graph;
using ir::Input;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::Slot;
using ir::ValueId;

namespace {

bool is_convolution(OpCode code) { return code == OpCode::conv2d || code == OpCode::conv_transpose2d; }

// A range of a vector's elements, and the id of the part that holds them.
struct Span {
  std::int64_t begin, end;
  std::uint32_t id;
  auto operator<=>(const Span&) const = default;
};

// Parts of a vector, searchable by element range.
class Spans {
 public:
  void add(std::int64_t offset, std::int64_t count, std::uint32_t id) {
    spans_.push_back({offset, offset + count, id});
  }

  void sort() {
    std::sort(spans_.begin(), spans_.end());
    for (const auto& [begin, end, id] : spans_) ends_.push_back(ends_.empty() ? end : std::max(ends_.back(), end));
  }

  // The parts that the slot overlaps, by id.
  std::vector<Span> overlapping(const Slot& slot) const {
    const std::int64_t end = slot.offset + slot.type.elements();
    std::size_t i = std::size_t(std::lower_bound(spans_.begin(), spans_.end(), Span{end, 0, 0}) - spans_.begin());
    std::vector<Span> found;
    for (; i > 0 && ends_[i - 1] > slot.offset; --i)
      if (spans_[i - 1].end > slot.offset) found.push_back(spans_[i - 1]);
    std::sort(found.begin(), found.end(), [](const Span& a, const Span& b) { return a.id < b.id; });
    return found;
  }

 private:
  std::vector<Span> spans_;
  std::vector<std::int64_t> ends_;  // running maximum of ends
};

class Finder {
 public:
  Finder(const Graph& graph, const Target& target)
      : graph_(graph), target_(target), users_(users_of(graph)), is_output_(graph.values.size(), false) {
    for (const ir::Output& output : graph.outputs) is_output_[output.value] = true;
    for (const Input& input : graph.inputs) {
      if (input.slots.empty()) continue;
      flat_.push_back(&input);
      if (input.role == ir::Role::param)
        for (const Slot& slot : input.slots) params_at_[slot.offset].push_back(&slot);
    }
    find_vectors();
  }

  // The layout of a slot, "" for row-major.
  std::string layout_of(const Slot& slot) const {
    if (target_.kept_layouts) return kept(param_at(slot));
    const Op* reader = nullptr;
    if (slot.type.rank() != 4 || !only_convolutions_see(slot, reader) || !reader) return "";
    const std::string wanted = target_.weights_layout(graph_, *reader);
    return ir::memory_layout_misfit(wanted, slot.type).empty() ? wanted : "";
  }

  std::string layout_of(const Input& input) const {
    return target_.kept_layouts && input.slots.empty() ? kept(graph_.values[input.value].name) : "";
  }

 private:
  std::string kept(const std::string& name) const {
    const auto found = target_.kept_layouts->find(name);
    return found == target_.kept_layouts->end() ? "" : found->second;
  }

  // Moments share offsets with the params but may have other names.
  std::string param_at(const Slot& slot) const {
    if (const auto found = params_at_.find(slot.offset); found != params_at_.end())
      for (const Slot* each : found->second)
        if (each->type == slot.type) return each->name;
    return slot.name;
  }

  // A vector that contains slots: its views, by op, and its parts if it is a pack.
  struct Vector {
    Spans views;
    const Op* pack = nullptr;
    Spans parts;
  };

  // Finds every flat input, every vector packed to combine with one, and casts of these.
  void find_vectors() {
    for (const Input* input : flat_) add_vector(input->value, nullptr);
    for (const Op& op : graph_.ops)
      for (const ValueId result : op.results) {
        if (op.code == OpCode::view || !is_flat(result)) continue;
        if (op.code == OpCode::fused && !is_cast_of_flat(result))
          is_seen_whole_ = is_seen_whole_ || is_viewed(result);
        else
          add_vector(result, op.code == OpCode::pack ? &op : nullptr);
      }
  }

  // Fused ops treat all elements of a vector alike.
  void add_vector(ValueId value, const Op* pack) {
    Vector vector;
    for (const OpId id : users_[value]) {
      const Op& user = graph_.ops[id];
      if (user.code == OpCode::view)
        vector.views.add(user.attrs.integer(Attr::offset), graph_.type(user.results[0]).elements(), id);
      else if (user.code != OpCode::fused)
        is_seen_whole_ = true;
    }
    vector.views.sort();
    if (pack) {
      const std::vector<std::int64_t> offsets = pack->attrs.integers(Attr::offsets);
      for (std::uint32_t i = 0; i < offsets.size(); ++i)
        vector.parts.add(offsets[i], graph_.type(pack->operands[i]).elements(), i);
      vector.parts.sort();
      vector.pack = pack;
    }
    vectors_.push_back(std::move(vector));
  }

  bool only_convolutions_see(const Slot& slot, const Op*& reader) const {
    return !is_seen_whole_ && std::all_of(vectors_.begin(), vectors_.end(), [&](const Vector& vector) {
      return views_allow(vector, slot, reader) && (!vector.pack || pack_allows(vector, slot));
    });
  }

  bool is_flat(ValueId value) const {
    return std::any_of(flat_.begin(), flat_.end(),
                       [&](const Input* input) { return graph_.type(input->value).dims == graph_.type(value).dims; });
  }

  bool is_cast_of_flat(ValueId value) const {
    const ValueId source = cast_source(graph_, value);
    return std::any_of(flat_.begin(), flat_.end(), [&](const Input* input) { return input->value == source; });
  }

  bool is_viewed(ValueId value) const {
    return std::any_of(users_[value].begin(), users_[value].end(),
                       [&](OpId user) { return graph_.ops[user].code == OpCode::view; });
  }

  // Whether each view covers the whole slot and only convolutions read it.
  bool views_allow(const Vector& vector, const Slot& slot, const Op*& reader) const {
    for (const Span& view : vector.views.overlapping(slot)) {
      const Op& user = graph_.ops[view.id];
      const ir::Type& type = graph_.type(user.results[0]);
      if (view.begin != slot.offset || type.dims != slot.type.dims || is_output_[user.results[0]]) return false;
      for (const OpId each : users_[user.results[0]]) {
        const Op& op = graph_.ops[each];
        if (!is_convolution(op.code) || op.operands[0] == user.results[0]) return false;
        reader = &op;
      }
    }
    return true;
  }

  // Whether the slot's part of the pack is a gradient from conv2d_weight_grad that nothing else reads.
  bool pack_allows(const Vector& vector, const Slot& slot) const {
    for (const Span& each : vector.parts.overlapping(slot)) {
      const ValueId part = vector.pack->operands[each.id];
      const ValueId source = cast_source(graph_, part);
      if (each.begin != slot.offset || !is_gradient_alone(part, source == kNone ? part : source)) return false;
    }
    return true;
  }

  // A conv2d_weight_grad result read once: by the pack, or by the cast that the pack reads.
  bool is_gradient_alone(ValueId part, ValueId gradient) const {
    const Op* maker = graph_.producer(gradient);
    return maker && maker->code == OpCode::conv2d_weight_grad && users_[part].size() == 1 && !is_output_[part] &&
           users_[gradient].size() == 1 && !is_output_[gradient];
  }

  const Graph& graph_;
  const Target& target_;
  std::vector<std::vector<OpId>> users_;
  std::vector<bool> is_output_;
  std::vector<const Input*> flat_;
  std::unordered_map<std::int64_t, std::vector<const Slot*>> params_at_;  // by offset
  std::vector<Vector> vectors_;
  bool is_seen_whole_ = false;  // an op that is neither fused nor a view reads a whole vector
};

}  // namespace

GraphPtr weight_layout(const GraphPtr& graph, Context& context) {
  if (!context.target.weights_layout && !context.target.kept_layouts) return graph;
  const Finder finder(*graph, context.target);
  Graph result = *graph;
  bool changed = false;
  for (Input& input : result.inputs) {
    const auto set = [&](std::string& layout, std::string now) {
      changed = changed || layout != now;
      layout = std::move(now);
    };
    set(input.layout, finder.layout_of(input));
    for (Slot& slot : input.slots) set(slot.layout, finder.layout_of(slot));
  }
  return changed ? std::make_shared<const Graph>(std::move(result)) : graph;
}

}  // namespace weft::passes
