// The function that runs after all chunks: adds the copies of each accumulator in order, then evaluates and stores
// values that depend on them or belong to no row.
#include <algorithm>

#include "backends/cpu/codegen/kernel.h"
#include "backends/cpu/codegen/values.h"

namespace weft::cpu {

using kernel::Level;
using kernel::Node;
using kernel::NodeId;

namespace {

class FinishEmitter {
 public:
  FinishEmitter(Code& code, const kernel::Kernel& kernel, const Plan& plan)
      : code_(code),
        kernel_(kernel),
        plan_(plan),
        function_(begin_function(code, kernel.name + "_finish", {code.pointer, code.pointer})),
        scratch_(LLVMGetParam(function_, 1)),
        values_(code, kernel, LLVMGetParam(function_, 0), -1) {}

  void run() {
    std::map<NodeId, std::size_t> totals;
    for (const Accumulator& each : plan_.accumulators) {
      totals[each.node] = each.total;
      if (each.copies > 1) each.extent == 1 ? add_numbers(each) : add_arrays(each);
    }
    values_.set_totals(scratch_, std::move(totals));
    EmitScope call;
    call.lane_groups.push_back(origin());
    evaluate_uniform(call);
    for (const Stores& stores : by_dims()) emit_stores(call, stores);
    LLVMBuildRetVoid(code_.builder);
  }

 private:
  using Stores = std::vector<const kernel::Store*>;

  // Final stores that extend along the same dims, largest first: whatever a store overwrites in place has then been
  // read.
  std::vector<Stores> by_dims() const {
    std::vector<Stores> groups;
    for (const kernel::Store& store : kernel_.stores) {
      if (store.level != Level::final) continue;
      const auto same = [&](const Stores& group) { return group.front()->dims == store.dims; };
      auto group = std::find_if(groups.begin(), groups.end(), same);
      if (group == groups.end()) group = groups.insert(group, Stores());
      group->push_back(&store);
    }
    std::stable_sort(groups.begin(), groups.end(),
                     [&](const Stores& a, const Stores& b) { return elements(*a.front()) > elements(*b.front()); });
    return groups;
  }

  std::int64_t elements(const kernel::Store& store) const {
    std::int64_t count = 1;
    for (int d = 0; d < int(kernel_.dims.size()); ++d)
      if (store.dims & kernel::bit(d)) count *= kernel_.dims[std::size_t(d)].size;
    return count;
  }

  LaneGroup origin() const { return {std::vector<Index>(kernel_.dims.size(), Index{code_.number(0), 0}), nullptr}; }

  LLVMValueRef bytes(std::size_t offset) { return code_.at(code_.i8, scratch_, code_.number(std::int64_t(offset))); }

  LLVMValueRef first_lanes(std::int64_t count) {
    return lt(Value(code_, code_.lane_numbers(Kind::i32)), double(count)).llvm();
  }

  // Adds copies of one number: vectors of them, then across lanes.
  void add_numbers(const Accumulator& each) {
    const Node& node = kernel_.nodes[each.node];
    const Kind kind = kind_of(node.dtype);
    LLVMValueRef base = bytes(each.partial);
    const Value none = neutral(code_, node.code, kind);
    LLVMValueRef sum = code_.local(code_.vector(kind));
    LLVMBuildStore(code_.builder, none.llvm(), sum);
    const auto add = [&](LLVMValueRef index, LLVMValueRef mask) {
      Value value = values_.load_numbers(kind, code_.at(code_.f32, base, index), 1, mask);
      if (mask) value = choose(Value(code_, mask), value, none);
      const Value before(code_, LLVMBuildLoad2(code_.builder, code_.vector(kind), sum, ""));
      LLVMBuildStore(code_.builder, combine(node.code, before, value).llvm(), sum);
    };
    const std::int64_t rest = each.copies % code_.width;
    code_.loop(code_.number(0), code_.number(each.copies - rest), code_.width, "copy",
               [&](LLVMValueRef index) { add(index, nullptr); });
    if (rest != 0) add(code_.number(each.copies - rest), first_lanes(rest));
    const Value all(code_, LLVMBuildLoad2(code_.builder, code_.vector(kind), sum, ""));
    LLVMBuildStore(code_.builder, across_lanes(node.code, all), bytes(each.total));
  }

  // Adds copies of an array, padded to whole vectors.
  void add_arrays(const Accumulator& each) {
    const Node& node = kernel_.nodes[each.node];
    const Kind kind = kind_of(node.dtype);
    code_.loop(code_.number(0), code_.number(each.extent), code_.width, "number", [&](LLVMValueRef index) {
      Value sum;
      for (std::int64_t copy = 0; copy < each.copies; ++copy) {
        LLVMValueRef base = code_.at(code_.f32, bytes(each.partial), index);
        const Value value =
            values_.load_numbers(kind, code_.at(code_.f32, base, code_.number(copy * each.copy_stride)), 1);
        sum = copy == 0 ? value : combine(node.code, sum, value);
      }
      values_.store_numbers(sum, code_.at(code_.f32, bytes(each.total), index));
    });
  }

  void evaluate_uniform(EmitScope& call) {
    std::vector<bool> needed(kernel_.nodes.size(), false);
    auto visit = [&](NodeId id) {
      if (needed[id]) return false;
      needed[id] = true;
      return kernel_.nodes[id].kind != kernel::NodeKind::final_reduce;
    };
    for (const kernel::Store& store : kernel_.stores)
      if (store.level == Level::final) walk(kernel_, store.value, visit);
    for (NodeId id = 0; id < kernel_.nodes.size(); ++id)
      if (needed[id] && kernel_.nodes[id].varies == 0) values_.get(call, id, 0);
  }

  // Loops over the dims that the buffer extends along, with lanes across the last.
  void emit_stores(EmitScope& call, const Stores& stores) {
    std::vector<int> dims;
    for (int d = 0; d < int(kernel_.dims.size()); ++d)
      if (stores.front()->dims & kernel::bit(d)) dims.push_back(d);
    values_.set_lane(dims.empty() ? -1 : dims.back());
    over_dims(call, stores, origin(), dims, 0);
  }

  void over_dims(EmitScope& call, const Stores& stores, const LaneGroup& lanes, const std::vector<int>& dims,
                 std::size_t depth) {
    if (dims.empty()) return store_at(call, stores, lanes);
    const int d = dims[depth];
    const std::int64_t size = kernel_.dims[std::size_t(d)].size;
    const auto inside = [&](LLVMValueRef index, LLVMValueRef mask) {
      LaneGroup inner = lanes;
      inner.index[std::size_t(d)] = {index, 0};
      inner.mask = mask;
      depth + 1 < dims.size() ? over_dims(call, stores, inner, dims, depth + 1) : store_at(call, stores, inner);
    };
    if (depth + 1 < dims.size())
      return code_.loop(code_.number(0), code_.number(size), 1, "outer",
                        [&](LLVMValueRef index) { inside(index, nullptr); });
    const std::int64_t rest = size % code_.width;
    if (size >= code_.width)
      code_.loop(code_.number(0), code_.number(size - rest), code_.width, "lane",
                 [&](LLVMValueRef index) { inside(index, nullptr); });
    if (rest != 0) inside(code_.number(size - rest), first_lanes(rest));
  }

  void store_at(EmitScope& call, const Stores& stores, const LaneGroup& lanes) {
    EmitScope scope;
    scope.parent = &call;
    scope.lane_groups.push_back(lanes);
    scope.parent_group.push_back(0);
    for (const kernel::Store* store : stores) values_.get(scope, store->value, 0);
    for (const kernel::Store* store : stores) values_.store(lanes, *store, values_.get(scope, store->value, 0));
  }

  Code& code_;
  const kernel::Kernel& kernel_;
  const Plan& plan_;
  LLVMValueRef function_;
  LLVMValueRef scratch_;
  Evaluator values_;
};

}  // namespace

bool has_finish(const kernel::Kernel& kernel) {
  return std::any_of(kernel.stores.begin(), kernel.stores.end(),
                     [](const kernel::Store& store) { return store.level == Level::final; });
}

void emit_finish(Code& code, const kernel::Kernel& kernel, const Plan& plan) {
  FinishEmitter(code, kernel, plan).run();
}

}  // namespace weft::cpu
