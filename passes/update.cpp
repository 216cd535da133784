// The optimizer: computes new values of the params from gradients, as one elementwise formula over flat vectors.
//
// Three steps: lay out the params in one vector, pack the gradients into another, write the formula. Gaps between
// tensors are zero in every vector, so a sum over a vector is the sum over its tensors.
#include "passes/update.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "ir/error.h"
#include "ir/integer.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

using ir::Input;
using ir::kNone;
using ir::Role;
using ir::Slot;
using ir::Type;

namespace {

using Kind = OptimizerSpec::Kind;

constexpr std::int64_t kAlignment = 16;  // floats: 64 bytes, a cache line
constexpr const char* kGradient = "grad.";

// The layout of params in the flat vectors: first those with weight decay (`decaying` elements), then the others with a
// gradient (up to `moving`), then those without a gradient.
struct Layout {
  std::vector<Slot> slots;
  std::vector<std::uint32_t> inputs;  // of the source, by slot
  std::int64_t decaying = 0;
  std::int64_t moving = 0;
  std::int64_t size = 0;
};

// By input: the output that holds its gradient; kNone if it is absent or zero everywhere.
std::vector<std::uint32_t> find_gradients(const ir::Graph& graph) {
  std::unordered_map<std::string, std::uint32_t> by_name;
  for (std::uint32_t i = 0; i < graph.outputs.size(); ++i) by_name.emplace(graph.outputs[i].name, i);
  std::vector<std::uint32_t> gradients;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
    const auto found = by_name.find(kGradient + graph.input_name(i));
    const bool flows = found != by_name.end() && uniform_constant(graph, graph.outputs[found->second].value) != 0.0;
    gradients.push_back(flows ? found->second : kNone);
  }
  return gradients;
}

Layout lay_out(const ir::Graph& graph, const std::vector<std::uint32_t>& gradients, const OptimizerSpec& spec) {
  Layout layout;
  enum class Part { decays, moves, stays };
  const auto part_of = [&](std::uint32_t input) {
    if (gradients[input] == kNone) return Part::stays;
    const bool is_vector = graph.type(graph.inputs[input].value).rank() <= 1;
    return is_vector && !spec.decay_vectors ? Part::moves : Part::decays;
  };
  const auto place = [&](Part part) {
    for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
      const Input& input = graph.inputs[i];
      if (input.role != Role::param || part_of(i) != part) continue;
      const Type& type = graph.type(input.value);
      if (type.dtype != ir::DType::f32 || !type.is_static())
        fail("param %{} is {}: the optimizer needs f32 of a fixed size", graph.input_name(i), to_string(type));
      layout.slots.push_back({graph.input_name(i), type, layout.size, input.init});
      layout.inputs.push_back(i);
      layout.size += round_up(type.elements(), kAlignment);
    }
    return layout.size;
  };
  layout.decaying = place(Part::decays);
  layout.moving = place(Part::moves);
  place(Part::stays);
  if (layout.moving == 0) fail("graph @{} has no gradients: run `differentiate` first", graph.name);
  return layout;
}

class Updater {
 public:
  Updater(const GraphPtr& graph, const OptimizerSpec& spec)
      : graph_(*graph),
        spec_(spec),
        rewriter_(graph),
        gradients_(find_gradients(graph_)),
        layout_(lay_out(graph_, gradients_, spec)) {}

  GraphPtr run() {
    add_inputs();
    view_params();
    for (const ir::Op& op : graph_.ops) rewriter_.copy(op);
    for (const ir::Output& output : graph_.outputs)
      if (!output.name.starts_with(kGradient)) rewriter_.copy_output(output);
    rewriter_.builder().set_where({"update", "", 0});
    const Expr p = {&rewriter_.builder(), rewriter_.builder().graph().inputs[params_].value};
    output(params_, step(p, flat_gradient()));
    return rewriter_.finish();
  }

 private:
  // Inputs

  void add_inputs() {
    params_ = add_flat("params", Role::param, {}, layout_.slots);
    for (std::uint32_t i = 0; i < graph_.inputs.size(); ++i)
      if (graph_.inputs[i].role != Role::param) rewriter_.copy_input(i);
    lr_ = {&rewriter_.builder(),
           rewriter_.builder().input("lr", ir::f32({}), Role::hyper, ir::constant_init(spec_.learning_rate))};
  }

  std::uint32_t add_flat(const std::string& name, Role role, ir::Init init, std::vector<Slot> slots) {
    rewriter_.builder().input(name, ir::f32({layout_.size}), role, init, std::move(slots));
    return std::uint32_t(rewriter_.builder().graph().inputs.size() - 1);
  }

  void view_params() {
    const Expr params = {&rewriter_.builder(), rewriter_.builder().graph().inputs[params_].value};
    for (std::size_t i = 0; i < layout_.slots.size(); ++i)
      rewriter_.map(graph_.inputs[layout_.inputs[i]].value,
                    view(params, layout_.slots[i].offset, layout_.slots[i].type));
  }

  // A state vector with the layout of params, initially zero.
  std::uint32_t add_state(const std::string& name) {
    std::vector<Slot> slots = layout_.slots;
    for (Slot& slot : slots) slot.init = ir::constant_init(0);
    return add_flat(name, Role::state, ir::constant_init(0), std::move(slots));
  }

  Expr input(std::uint32_t index) { return {&rewriter_.builder(), rewriter_.builder().graph().inputs[index].value}; }

  void output(std::uint32_t donated, Expr value) {
    const std::string name = rewriter_.builder().graph().input_name(donated);
    rewriter_.builder().output(name, value.id, donated);
  }

  // The step number, starting at 1.
  Expr step_number() {
    std::uint32_t index = 0;
    while (index < graph_.inputs.size() && graph_.inputs[index].role != Role::rng) ++index;
    ir::Builder& builder = rewriter_.builder();
    const Expr rng = index < graph_.inputs.size() ? rewriter_[graph_.inputs[index].value]
                                                  : Expr{&builder, builder.input("rng", ir::i32({4}), Role::rng)};
    return cast(reshape(slice(rng, {2}, {1}), {}), ir::DType::f32) + 1;
  }

  // Gradients

  // The gradients of the params that have one, in slot order.
  std::vector<Expr> gradients() {
    std::vector<Expr> parts;
    for (const std::uint32_t input : layout_.inputs)
      if (const std::uint32_t gradient = gradients_[input]; gradient != kNone)
        parts.push_back(rewriter_[graph_.outputs[gradient].value]);
    return parts;
  }

  // Packs one tensor for each param with a gradient into a flat vector.
  Expr packed(const std::vector<Expr>& parts) {
    std::vector<std::int64_t> offsets;
    for (std::size_t i = 0; i < parts.size(); ++i) offsets.push_back(layout_.slots[i].offset);
    return pack(parts, offsets, layout_.size);
  }

  // The scale that limits the norm of g to `clip_norm` (Pascanu et al. 2013).
  Expr clip_scale(Expr g) { return min(spec_.clip_norm / (sqrt(sum_all(g * g)) + 1e-6), 1); }

  // The flat gradient for the formulas.
  Expr flat_gradient() {
    std::vector<Expr> parts = gradients();
    const bool clips = spec_.clip_norm > 0, scales = spec_.kind == Kind::lars;
    if (!scales) {
      const Expr g = packed(parts);
      return clips ? g * clip_scale(g) : g;
    }
    const Expr scale = clips ? clip_scale(packed(parts)) : Expr();
    for (std::size_t i = 0; i < parts.size(); ++i)
      parts[i] = trusted(rewriter_[graph_.inputs[layout_.inputs[i]].value], clips ? parts[i] * scale : parts[i]);
    return packed(parts);
  }

  // The gradient of param p under LARS: adds weight decay and scales the gradient to `trust` times p's norm, so that
  // all layers learn at a similar rate. Vectors stay unchanged, as do p or g of norm 0.
  Expr trusted(Expr p, Expr g) const {
    if (p.rank() <= 1) return g;
    const double decay = spec_.weight_decay;
    const Expr p_norm = sqrt(sum_all(p * p)), g_norm = sqrt(sum_all(g * g));
    const Expr ratio = spec_.trust * p_norm / (g_norm + decay * p_norm + spec_.epsilon);
    const Expr scale = select(gt(min(p_norm, g_norm), 0.0), ratio, scalar_like(ratio, 1));
    return scale * (decay == 0 ? g : g + decay * p);
  }

  // weight_decay, but 0 for params without decay: those without a gradient, which must not move, and vectors if
  // decay_vectors is off.
  Expr weight_decay(Expr like) {
    const Expr decay = scalar_like(like, spec_.weight_decay);
    if (layout_.decaying == layout_.size) return decay;
    const Expr index = iota(rewriter_.builder(), ir::i32({layout_.size}), 0);
    return select(lt(index, double(layout_.decaying)), decay, scalar_like(like, 0));
  }

  // Formulas

  Expr step(Expr p, Expr g) {
    const bool decays = spec_.weight_decay != 0;
    const bool has_own = spec_.kind == Kind::adamw || spec_.kind == Kind::lars;
    if (decays && !has_own) g = g + weight_decay(p) * p;
    switch (spec_.kind) {
      case Kind::sgd:
        return p - lr_ * g;
      case Kind::momentum:
      case Kind::lars:
        return p - lr_ * accumulated(g);
      case Kind::nesterov:
        return p - lr_ * (g + spec_.momentum * accumulated(g));
      case Kind::adam:
        return p - adam_step(g);
      case Kind::adamw:
        return (decays ? p * (1 - lr_ * weight_decay(p)) : p) - adam_step(g);
    }
    throw InternalError("update: no such optimizer");
  }

  Expr accumulated(Expr g) {
    const std::uint32_t state = add_state("momentum");
    const Expr buffer = spec_.momentum * input(state) + g;
    output(state, buffer);
    return buffer;
  }

  // lr * mean / (sqrt(variance) + epsilon), with the bias corrections mean = m / (1 - beta1^t) and variance = v / (1 -
  // beta2^t) folded into two scalars.
  Expr adam_step(Expr g) {
    const std::uint32_t m_state = add_state("adam.m"), v_state = add_state("adam.v");
    const Expr m = spec_.beta1 * input(m_state) + (1 - spec_.beta1) * g;
    const Expr v = spec_.beta2 * input(v_state) + (1 - spec_.beta2) * (g * g);
    output(m_state, m);
    output(v_state, v);
    const Expr t = step_number();
    const Expr rate = lr_ / one_minus_power(spec_.beta1, t);
    const Expr scale = rsqrt(one_minus_power(spec_.beta2, t));
    return rate * m / (sqrt(v) * scale + spec_.epsilon);
  }

  // 1 - beta^t as -expm1(t log beta): in f32, 1 - .999^1 would keep 4 of 7 digits.
  static Expr one_minus_power(double beta, Expr t) {
    return beta == 0 ? scalar_like(t, 1) : -expm1(t * std::log(beta));
  }

  const ir::Graph& graph_;
  const OptimizerSpec& spec_;
  Rewriter rewriter_;
  std::vector<std::uint32_t> gradients_;  // by input
  Layout layout_;
  std::uint32_t params_ = kNone;
  Expr lr_;
};

}  // namespace

GraphPtr update(const GraphPtr& graph, const OptimizerSpec& spec, Context&) { return Updater(graph, spec).run(); }

GraphPtr update(const GraphPtr& graph, Context& context) { return update(graph, {}, context); }

}  // namespace weft::passes
