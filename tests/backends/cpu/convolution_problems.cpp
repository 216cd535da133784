// Draws the attributes of a convolution, then shapes that they allow.
#include "tests/backends/cpu/convolution_problems.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace weft::test {

using ir::Attr;
using ir::OpCode;

std::vector<Floats> random_inputs(const Problem& problem, Random& random) {
  std::vector<Floats> inputs;
  for (const ir::Type& type : problem.operands) inputs.push_back(random.floats(type));
  return inputs;
}

Problem random_problem(OpCode code, Random& random) {
  Problem problem;
  problem.code = code;
  const std::int64_t groups = random.between(0, 3) == 0 ? random.between(2, 4) : 1;
  const auto channels = [&] {
    return random.between(0, 2) == 0 ? 16 * random.between(1, 4) : random.between(1, groups == 1 ? 70 : 20);
  };
  const std::int64_t in = channels(), out = channels(), batch = random.between(1, 9);
  const Sizes kernel = random.pair(1, 5), stride = random.pair(1, 3), padding = random.pair(0, 2);
  const Sizes dilation = random.between(0, 2) == 0 ? random.pair(1, 3) : Sizes{1, 1};
  Sizes small, large;  // y, and an x that it may come from
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = dilation[i] * (kernel[i] - 1) + 1;
    std::int64_t size = std::max<std::int64_t>(reach - 2 * padding[i], 1) + random.between(0, 9);
    small.push_back((size + 2 * padding[i] - reach) / stride[i] + 1);
    large.push_back(size);
  }
  problem.attrs.set(Attr::stride, stride).set(Attr::padding, padding).set(Attr::dilation, dilation);
  problem.attrs.set(Attr::groups, groups);
  const ir::Type x = ir::f32({batch, groups * in, large[0], large[1]}),
                 w = ir::f32({groups * out, in, kernel[0], kernel[1]}),
                 y = ir::f32({batch, groups * out, small[0], small[1]});
  if (code == OpCode::conv2d) {
    problem.operands = {x, w};
    if (random.between(0, 1) == 1) problem.operands.push_back(ir::f32({groups * out}));
    if (random.between(0, 1) == 1) problem.attrs.set(Attr::activation, std::string("relu"));
  } else if (code == OpCode::conv_transpose2d) {
    problem.operands = {y, w};
    Sizes extra;
    for (std::size_t i = 0; i < 2; ++i) {
      // Some beyond the stride, where the larger dilation allows it; a result of no rows is no problem to pose.
      extra.push_back(random.between(0, std::max(stride[i], dilation[i]) - 1));
      const std::int64_t rows =
          (small[i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + extra[i] + 1 - 2 * padding[i];
      if (rows <= 0) return random_problem(code, random);
    }
    problem.attrs.set(Attr::output_padding, extra);
  } else {
    problem.operands = {x, y};
    problem.attrs.set(Attr::kernel, kernel);
  }
  problem.channels_last = random.between(0, 1) == 1;
  return problem;
}

Problem narrow_problem(OpCode code, Random& random) {
  Problem problem;
  problem.code = code;
  const auto few = [&] { return random.between(0, 1) == 0 ? 1 : random.between(1, 4); };
  const std::int64_t groups = few(), in = few(), out = few(), batch = few();
  const Sizes kernel{few(), few()}, stride{few(), few()}, dilation{few(), few()}, padding = random.pair(0, 3);
  Sizes small, large;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = dilation[i] * (kernel[i] - 1) + 1;
    large.push_back(std::max<std::int64_t>(reach - 2 * padding[i], few()));
    small.push_back((large[i] + 2 * padding[i] - reach) / stride[i] + 1);
  }
  problem.attrs.set(Attr::stride, stride).set(Attr::padding, padding).set(Attr::dilation, dilation);
  problem.attrs.set(Attr::groups, groups);
  const ir::Type x = ir::f32({batch, groups * in, large[0], large[1]}),
                 w = ir::f32({groups * out, in, kernel[0], kernel[1]}),
                 y = ir::f32({batch, groups * out, small[0], small[1]});
  if (code == OpCode::conv2d_weight_grad) {
    problem.operands = {x, y};
    problem.attrs.set(Attr::kernel, kernel);
  } else if (code == OpCode::conv2d) {
    problem.operands = {x, w};
    if (random.between(0, 1) == 1) problem.operands.push_back(ir::f32({groups * out}));
    if (random.between(0, 1) == 1) problem.attrs.set(Attr::activation, std::string("relu"));
  } else {
    problem.operands = {y, w};
    Sizes extra;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::int64_t least = (small[i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (kernel[i] - 1) + 1;
      extra.push_back(random.between(0, std::max(stride[i], dilation[i]) - 1));
      if (least + extra[i] < 1) return narrow_problem(code, random);
    }
    problem.attrs.set(Attr::output_padding, extra);
  }
  problem.channels_last = random.between(0, 1) == 1;
  return problem;
}

std::string describe(const Problem& problem) {
  std::string text = std::string(ir::name(problem.code)) + (problem.channels_last ? " nhwc" : " nchw");
  for (const ir::Type& type : problem.operands) text += " " + to_string(type);
  for (const auto& [key, value] : problem.attrs.values()) {
    text += fmt::format(" {}=", ir::info(key).name);
    if (std::holds_alternative<Sizes>(value)) text += fmt::format("{}", fmt::join(std::get<Sizes>(value), ","));
    if (std::holds_alternative<std::int64_t>(value)) text += fmt::format("{}", std::get<std::int64_t>(value));
  }
  return text;
}

}  // namespace weft::test
