// Decides the home of every computed value, then derives all places from the homes.
#include "passes/plan/placement.h"

#include <algorithm>
#include <optional>

#include "ir/error.h"

namespace weft::passes {

using ir::Attr;
using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::OpKind;
using ir::row_major;
using ir::ValueId;

using Sizes = std::vector<std::int64_t>;

bool is_contiguous(const ir::Type& type, const Strides& strides) {
  const Sizes dims = ir::numbers(type.dims);
  const Strides plain = row_major(dims);
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] != 1 && strides[i] != plain[i]) return false;
  return true;
}

bool is_view(OpCode code) {
  return code == OpCode::reshape || code == OpCode::slice || code == OpCode::transpose || code == OpCode::view;
}

// Whether a loop over `dims` visits all of `loops`, which may broadcast.
bool covers(const ir::Dims& dims, const ir::Dims& loops) {
  const auto same = [](const ir::Dim& loop, const ir::Dim& dim) { return loop.is_one() || loop == dim; };
  return loops.size() <= dims.size() &&
         std::equal(loops.begin(), loops.end(), dims.end() - std::ptrdiff_t(loops.size()), same);
}

bool reads_in_place(const Op& fused, std::uint32_t operand) {
  const Graph& body = *fused.body;
  const ValueId input = body.inputs[operand].value;
  const ir::Dims& dims = body.type(input).dims;
  std::vector<bool> depends(body.values.size(), false);
  depends[input] = true;
  for (const Op& op : body.ops) {
    if (std::none_of(op.operands.begin(), op.operands.end(), [&](ValueId each) { return depends[each]; })) continue;
    depends[op.results[0]] = true;
    const bool reduces = ir::info(op.code).kind == OpKind::reduce;
    const ir::Dims& loops = body.type(reduces ? op.operands[0] : op.results[0]).dims;
    if (ir::reads_elsewhere(op.code) || !covers(dims, loops)) return false;
  }
  return true;
}

namespace {

// Strides of the same memory under other dims, if strides can express them.
std::optional<Strides> reshape_strides(const Sizes& from, const Strides& strides, const Sizes& to) {
  Strides result(to.size(), 0);
  std::size_t i = 0, j = 0;
  while (j < to.size() || i < from.size()) {
    // Take the shortest runs of dims from both sides that have equal numbers of elements.
    std::size_t i_end = i, j_end = j;
    std::int64_t left = i < from.size() ? from[i_end++] : 1, right = j < to.size() ? to[j_end++] : 1;
    while (left != right) {
      if (left < right) {
        if (i_end == from.size()) return {};
        left *= from[i_end++];
      } else {
        if (j_end == to.size()) return {};
        right *= to[j_end++];
      }
    }
    std::int64_t inner = 1;
    for (std::size_t k = i_end; k-- > i;)
      if (from[k] != 1) {
        inner = strides[k];
        break;
      }
    std::int64_t expected = inner;
    for (std::size_t k = i_end; k-- > i;) {
      if (from[k] == 1) continue;
      if (strides[k] != expected) return {};
      expected *= from[k];
    }
    std::int64_t stride = inner;
    for (std::size_t k = j_end; k-- > j;) {
      result[k] = stride;
      stride *= to[k];
    }
    i = i_end;
    j = j_end;
  }
  return result;
}

// The assigned location of a computed value: inside the result of a pack or concat, or in an output.
struct Home {
  ValueId inside = kNone;
  std::int64_t offset = 0;  // pack: in elements; concat: along the axis
  std::uint32_t output = kNone;
};

class Placer {
 public:
  explicit Placer(const Graph& graph)
      : graph_(graph), homes_(graph.values.size()), places_(graph.values.size()), users_(users_of(graph)) {
    for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
      places_[graph.inputs[i].value] = Place{Place::Base::input, i, 0, row_major(sizes(graph.inputs[i].value))};
  }

  Placement run() {
    for (std::uint32_t i = 0; i < graph_.outputs.size(); ++i) find_home_of_output(i);
    for (OpId id = OpId(graph_.ops.size()); id-- > 0;)
      if (is_assembly(graph_.ops[id].code)) find_homes_of_parts(id);
    Placement placement;
    for (ValueId value = 0; value < graph_.values.size(); ++value) placement.places.push_back(locate(value));
    if (misfits_.empty()) check_uses();
    placement.misfits = std::move(misfits_);
    return placement;
  }

 private:
  static bool is_assembly(OpCode code) { return code == OpCode::pack || code == OpCode::concat; }
  Sizes sizes(ValueId value) const { return ir::numbers(graph_.type(value).dims); }

  // The computed value that `value` equals up to reshapes, or kNone.
  ValueId made_whole(ValueId value) const {
    while (const Op* op = graph_.producer(value)) {
      if (!is_view(op->code)) return value;
      if (op->code != OpCode::reshape) return kNone;
      value = op->operands[0];
    }
    return kNone;
  }

  void find_home_of_output(std::uint32_t index) {
    const ir::Output& output = graph_.outputs[index];
    const ValueId made = made_whole(output.value);
    // An assembly's parts are written one by one, while other ops may still read donated memory.
    const bool scattered = made != kNone && output.donates != kNone && is_assembly(graph_.producer(made)->code);
    if (made == kNone || has_home(made) || scattered) {
      misfits_.push_back({kNone, index});
      return;
    }
    homes_[made].output = index;
  }

  void find_homes_of_parts(OpId id) {
    const Op& op = graph_.ops[id];
    std::int64_t along = 0;
    for (std::uint32_t i = 0; i < op.operands.size(); ++i) {
      const ValueId made = made_whole(op.operands[i]);
      const bool strided = op.code == OpCode::concat;
      const bool fits =
          made != kNone && !has_home(made) && (!strided || (made == op.operands[i] && stands_strides(made)));
      if (fits)
        homes_[made] = {op.results[0], op.code == OpCode::pack ? op.attrs.integers(Attr::offsets)[i] : along, kNone};
      else
        misfits_.push_back({id, i});
      if (strided) along += sizes(op.operands[i])[std::size_t(op.attrs.integer(Attr::axis))];
    }
  }

  bool has_home(ValueId value) const { return homes_[value].inside != kNone || homes_[value].output != kNone; }

  // Whether the producer and all readers of a value accept strided rows.
  bool stands_strides(ValueId value) const {
    const auto takes = [&](const Op& op) {
      const bool multiplies = op.code == OpCode::matmul && graph_.type(op.results[0]).rank() == 2;
      return op.code == OpCode::fused || multiplies || is_assembly(op.code);
    };
    return takes(*graph_.producer(value)) &&
           std::all_of(users_[value].begin(), users_[value].end(), [&](OpId user) { return takes(graph_.ops[user]); });
  }

  const Place& locate(ValueId value) {
    std::optional<Place>& known = places_[value];
    if (!known) known = find_place(value);
    return *known;
  }

  Place find_place(ValueId value) {
    const Op* op = graph_.producer(value);
    check(op, "placement: inputs must be placed first");
    if (is_view(op->code)) return view_place(*op);
    const Home& home = homes_[value];
    if (home.output != kNone) return output_place(home.output, value);
    if (home.inside != kNone) return part_place(home, value);
    return {Place::Base::buffer, value, 0, row_major(sizes(value))};
  }

  Place output_place(std::uint32_t index, ValueId value) const {
    const std::uint32_t donates = graph_.outputs[index].donates;
    if (donates != kNone) return {Place::Base::input, donates, 0, row_major(sizes(value))};
    return {Place::Base::output, index, 0, row_major(sizes(value))};
  }

  Place part_place(const Home& home, ValueId value) {
    const Op& whole = *graph_.producer(home.inside);
    Place place = locate(home.inside);
    if (whole.code == OpCode::pack) {
      place.offset += home.offset;
      place.strides = row_major(sizes(value));
    } else {
      place.offset += home.offset * place.strides[std::size_t(whole.attrs.integer(Attr::axis))];
    }
    return place;
  }

  Place view_place(const Op& op) {
    Place place = locate(op.operands[0]);
    if (op.code == OpCode::view) {
      place.offset += op.attrs.integer(Attr::offset);
      place.strides = row_major(sizes(op.results[0]));
    } else if (op.code == OpCode::slice) {
      const Sizes start = ir::numbers(op.attrs.dims(Attr::start));
      for (std::size_t i = 0; i < start.size(); ++i) place.offset += start[i] * place.strides[i];
    } else if (op.code == OpCode::transpose) {
      const Sizes perm = op.attrs.integers(Attr::perm);
      Strides strides;
      for (const std::int64_t axis : perm) strides.push_back(place.strides[std::size_t(axis)]);
      place.strides = std::move(strides);
    } else {
      const auto strides = reshape_strides(sizes(op.operands[0]), place.strides, sizes(op.results[0]));
      if (!strides) misfits_.push_back({OpId(&op - graph_.ops.data()), 0});
      place.strides = strides.value_or(row_major(sizes(op.results[0])));
    }
    return place;
  }

  // Fused kernels read any strides, a matmul needs one dense dim per matrix, all other ops need row-major operands.
  void check_uses() {
    for (OpId id = 0; id < graph_.ops.size(); ++id) {
      const Op& op = graph_.ops[id];
      if (is_view(op.code) || is_assembly(op.code) || op.code == OpCode::fused) continue;
      for (std::uint32_t i = 0; i < op.operands.size(); ++i)
        if (!fits(op, op.operands[i])) misfits_.push_back({id, i});
    }
    find_last_readers();
    for (std::uint32_t i = 0; i < graph_.outputs.size(); ++i)
      if (graph_.outputs[i].donates != kNone && !is_donation_safe(graph_.outputs[i])) misfits_.push_back({kNone, i});
  }

  bool fits(const Op& op, ValueId operand) {
    const Strides& strides = locate(operand).strides;
    if (op.code == OpCode::matmul && strides.size() == 2) {
      const Sizes dims = sizes(operand);
      return (strides[1] == 1 && strides[0] >= dims[1]) || (strides[0] == 1 && strides[1] >= dims[0]);
    }
    return is_contiguous(graph_.type(operand), strides);
  }

  void find_last_readers() {
    last_reader_.resize(graph_.inputs.size(), 0);
    for (OpId id = 0; id < graph_.ops.size(); ++id)
      for (const ValueId operand : graph_.ops[id].operands)
        if (const Place& place = locate(operand); place.base == Place::Base::input) last_reader_[place.index] = id;
  }

  // Whether the op that writes the new state reads the old one only at the same index, and no op that depends on the
  // new state reads the old one.
  bool is_donation_safe(const ir::Output& output) {
    const ValueId made = made_whole(output.value);
    const OpId writer = graph_.values[made].op;
    std::vector<bool> after;  // by op from the writer on: depends on the new value
    const auto is_new = [&](ValueId value) {
      const OpId maker = graph_.values[value].op;
      return maker != kNone && maker >= writer && after[maker - writer];
    };
    for (OpId id = writer; id <= last_reader_[output.donates]; ++id) {
      const Op& op = graph_.ops[id];
      after.push_back(id == writer || std::any_of(op.operands.begin(), op.operands.end(), is_new));
      if (!after.back()) continue;
      for (std::uint32_t i = 0; i < op.operands.size(); ++i) {
        const Place& place = locate(op.operands[i]);
        const bool reads_old =
            place.base == Place::Base::input && place.index == output.donates && !is_new(op.operands[i]);
        if (!reads_old || is_view(op.code)) continue;
        const bool same_place = id == writer && op.code == OpCode::fused && place.offset == 0 &&
                                graph_.type(op.operands[i]) == graph_.type(made) && reads_in_place(op, i);
        if (!same_place) return false;
      }
    }
    return true;
  }

  const Graph& graph_;
  std::vector<Home> homes_;
  std::vector<std::optional<Place>> places_;
  std::vector<std::vector<OpId>> users_;
  std::vector<Misfit> misfits_;
  std::vector<OpId> last_reader_;  // by input: the last op that reads its memory
};

}  // namespace

Placement place_values(const Graph& graph) { return Placer(graph).run(); }

}  // namespace weft::passes
