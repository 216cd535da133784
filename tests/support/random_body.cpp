// Grows bodies op by op from a pool of values.
#include "tests/support/random_body.h"

#include <algorithm>
#include <numeric>

#include "ir/builder.h"
#include "tests/support/attrs.h"
#include "tests/support/strided_view.h"

namespace weft::test {

namespace {

using ir::Attr;
using ir::Attrs;
using ir::Builder;
using ir::DType;
using ir::OpCode;
using ir::Type;
using ir::ValueId;
using Axes = std::vector<std::int64_t>;

// Grows a random body over one iteration space. Values keep moderate magnitudes.
class BodyMaker {
 public:
  explicit BodyMaker(std::mt19937& random) : random_(random), builder_("body") {
    const int rank = 1 + int(random_() % 3);
    for (int i = 0; i < rank; ++i) space_.push_back(random_size(random_));
    while (elements() > 60000) space_[random_() % space_.size()] = 3;
    rng_ = builder_.input("rng", ir::i32({4}), ir::Role::rng);
    pool_.push_back(builder_.input("x0", full(DType::f32)));
  }

  std::int64_t elements() const {
    return std::accumulate(space_.begin(), space_.end(), std::int64_t{1}, std::multiplies<>());
  }
  std::size_t rank() const { return space_.size(); }
  Builder& builder() { return builder_; }

  Type full(DType dtype) const { return {dtype, ir::Dims(space_.begin(), space_.end())}; }
  Type partial(DType dtype) {
    Type type = full(dtype);
    for (ir::Dim& dim : type.dims)
      if (random_() % 2 == 0) dim = 1;
    while (type.rank() > 0 && random_() % 3 == 0 && type.dims[0].is_one()) type.dims.erase(type.dims.begin());
    return type;
  }

  ValueId pick() { return pool_[random_() % pool_.size()]; }
  ValueId op(OpCode code, std::vector<ValueId> operands, Attrs attrs = {}, std::optional<Type> type = {}) {
    return builder_.create(code, std::move(operands), std::move(attrs), std::move(type));
  }

  ValueId leaf() {
    const std::string name = "x" + std::to_string(++inputs_);
    switch (random_() % 8) {
      case 0:
        return op(OpCode::random_normal, {rng_}, Attrs().set(Attr::stream, std::int64_t(random_() % 9)),
                  partial(DType::f32));
      case 1:
        return op(OpCode::random_uniform, {rng_}, Attrs().set(Attr::stream, std::int64_t(random_() % 9)),
                  full(DType::f32));
      case 2: {
        const std::int64_t axis = std::int64_t(random_() % rank());
        return op(OpCode::tanh, {op(OpCode::iota, {}, Attrs().set(Attr::axis, axis), full(DType::f32))});
      }
      case 3:
        return builder_.constant(0.75, partial(DType::f32));
      case 4: {
        const DType dtype = random_() % 2 == 0 ? DType::u8 : DType::i32;
        const ValueId input = builder_.input(name, partial(dtype));
        Type type = builder_.type(input);
        type.dtype = DType::f32;
        return op(OpCode::div, {op(OpCode::cast, {input}, {}, type), builder_.constant(255)});
      }
      case 5: {
        const ValueId input = builder_.input(name, partial(random_() % 2 == 0 ? DType::bf16 : DType::f16));
        Type type = builder_.type(input);
        type.dtype = DType::f32;
        return op(OpCode::cast, {op(OpCode::tanh, {input})}, {}, type);
      }
      default:
        return builder_.input(name, random_() % 2 == 0 ? full(DType::f32) : partial(DType::f32));
    }
  }

  ValueId grow() {
    static const OpCode one[] = {OpCode::neg,      OpCode::abs,  OpCode::sign,         OpCode::tanh,
                                 OpCode::sigmoid,  OpCode::relu, OpCode::sin,          OpCode::cos,
                                 OpCode::softplus, OpCode::erf,  OpCode::stop_gradient};
    static const OpCode two[] = {OpCode::add, OpCode::sub, OpCode::mul, OpCode::max, OpCode::min};
    switch (random_() % 6) {
      case 0:
        return op(one[random_() % std::size(one)], {pick()});
      case 1:
        return op(OpCode::exp, {op(OpCode::neg, {op(OpCode::abs, {pick()})})});
      case 2:
        return op(OpCode::log1p, {op(OpCode::abs, {pick()})});
      case 3:
        return op(OpCode::select, {builder_.create(OpCode::lt, {leaf(), pick()}), pick(),
                                   op(OpCode::sqrt, {op(OpCode::abs, {pick()})})});
      default:
        return op(two[random_() % std::size(two)], {pick(), random_() % 3 == 0 ? leaf() : pick()});
    }
  }

  void grow(int count) {
    for (int i = 0; i < count; ++i) {
      const ValueId made = grow();
      if (builder_.type(made).dtype == DType::f32) pool_.push_back(made);
    }
  }

  ValueId make_full(ValueId value) { return op(OpCode::add, {value, pool_[0]}); }

  Axes some_axes() {
    Axes result;
    for (std::size_t i = 0; i < rank(); ++i)
      if (random_() % 2 == 0) result.push_back(std::int64_t(i));
    if (result.empty()) result.push_back(std::int64_t(random_() % rank()));
    return result;
  }

  // softmax, logsumexp, normalisation to unit length or to mean 0 and variance 1, along `list`
  ValueId row_part(const Axes& list) {
    const ValueId x = make_full(pick());
    double count = 1;
    for (const std::int64_t axis : list) count *= double(space_[std::size_t(axis)]);
    const auto sum = [&](ValueId value) { return op(OpCode::reduce_sum, {value}, axes(list)); };
    switch (random_() % 4) {
      case 0: {
        const ValueId e = op(OpCode::exp, {op(OpCode::sub, {x, op(OpCode::reduce_max, {x}, axes(list))})});
        return op(OpCode::mul, {op(OpCode::div, {e, sum(e)}), builder_.constant(count)});
      }
      case 1: {
        const ValueId top = op(OpCode::reduce_max, {x}, axes(list));
        const ValueId e = op(OpCode::exp, {op(OpCode::sub, {x, top})});
        return op(OpCode::sub, {x, op(OpCode::add, {op(OpCode::log, {sum(e)}), top})});
      }
      case 2:
        return op(OpCode::mul,
                  {x, op(OpCode::rsqrt, {op(OpCode::add, {sum(op(OpCode::mul, {x, x})), builder_.constant(1)})})});
      default: {
        const ValueId mean = op(OpCode::div, {sum(x), builder_.constant(count)});
        const ValueId centred = op(OpCode::sub, {x, mean});
        const ValueId variance = op(OpCode::div, {sum(op(OpCode::mul, {centred, centred})), builder_.constant(count)});
        return op(OpCode::mul, {centred, op(OpCode::rsqrt, {op(OpCode::add, {variance, builder_.constant(0.1)})})});
      }
    }
  }

  void add_to_pool(ValueId value) { pool_.push_back(value); }
  void output(ValueId value) { builder_.output("y" + std::to_string(outputs_++), value); }
  bool has(ValueId value) const {
    return std::any_of(builder_.graph().outputs.begin(), builder_.graph().outputs.end(),
                       [&](const ir::Output& each) { return each.value == value; });
  }

 private:
  std::mt19937& random_;
  Builder builder_;
  std::vector<std::int64_t> space_;
  ValueId rng_ = 0;
  std::vector<ValueId> pool_;
  int inputs_ = 0, outputs_ = 0;
};

}  // namespace

ir::Graph random_body(std::mt19937& random, bool with_row, bool with_final) {
  BodyMaker maker(random);
  maker.grow(2 + int(random() % 6));
  if (with_row) {
    const Axes list = maker.some_axes();
    const int parts = 1 + int(random() % 2);
    for (int i = 0; i < parts; ++i) {
      maker.add_to_pool(maker.row_part(list));
      maker.grow(int(random() % 3));
    }
  }
  const ValueId last = maker.make_full(maker.pick());
  if (!with_final || random() % 2 == 0) maker.output(last);
  if (random() % 3 == 0) {
    const ValueId other = maker.make_full(maker.pick());
    if (!maker.has(other)) maker.output(other);
  }
  if (with_final) {
    const int count = 1 + int(random() % 3);
    for (int i = 0; i < count; ++i) {
      const OpCode code = random() % 4 == 0 ? OpCode::reduce_max : OpCode::reduce_sum;
      ValueId reduced = maker.op(code, {maker.make_full(maker.pick())}, axes(maker.some_axes()));
      if (random() % 2 == 0)
        reduced = maker.op(OpCode::tanh, {maker.op(OpCode::mul, {reduced, maker.builder().constant(0.01)})});
      if (!maker.has(reduced)) maker.output(reduced);
    }
  }
  return maker.builder().take();
}

bool breaks_contract(const std::string& what) {
  return what.find("along different dims") != std::string::npos || what.find("meets a row's") != std::string::npos;
}

}  // namespace weft::test
