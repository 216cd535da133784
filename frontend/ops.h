// The primitive ops as functions, one per op of ir/ops.def, and small combinations that most models need. Losses,
// layers and composed activations have their own files.
//
// Weft checks shapes as each op is made. A mistake is one Error with the user's line, the op, both facts, and the
// origin of each operand. Axes count from 0; negative axes count from the end.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include "frontend/tensor.h"

namespace weft {

// One axis, or several: sum(x, 1), sum(x, {2, 3}).
class Axes {
 public:
  Axes(int axis) : axes_{axis} {}                          // NOLINT(google-explicit-constructor)
  Axes(std::initializer_list<int> axes) : axes_(axes) {}   // NOLINT(google-explicit-constructor)
  Axes(std::vector<int> axes) : axes_(std::move(axes)) {}  // NOLINT(google-explicit-constructor)
  const std::vector<int>& values() const { return axes_; }

 private:
  std::vector<int> axes_;
};

// Height and width; one number sets both.
struct Pair {
  std::int64_t height = 0, width = 0;
  Pair(std::int64_t both) : height(both), width(both) {}  // NOLINT(google-explicit-constructor)
  Pair(int both) : height(both), width(both) {}           // NOLINT(google-explicit-constructor)
  Pair(std::int64_t h, std::int64_t w) : height(h), width(w) {}
};

// The elementwise functions: each row FUNCTION of ir/ops.def makes one, and says what it computes.
#define WEFT_OPERANDS_1 Operand x
#define WEFT_OPERANDS_2 Operand a, Operand b
#define FUNCTION(name, arity, ...) Tensor name(WEFT_OPERANDS_##arity);
#include "ir/ops.def"
#undef WEFT_OPERANDS_1
#undef WEFT_OPERANDS_2
Tensor square(Operand x);

// The larger and the smaller element of each pair; NaN if either is NaN. If they are equal, the second gets the
// gradient.
Tensor maximum(Operand a, Operand b);
Tensor minimum(Operand a, Operand b);
Tensor clamp(Operand x, Operand low, Operand high);  // no gradient outside

// `a` where the bool `condition` holds, else `b`.
Tensor select(Operand condition, Operand a, Operand b);
// To another dtype; float to integer truncates.
Tensor cast(Operand x, DType dtype);

// Reductions over all elements (to a scalar) or over some axes. They drop these axes unless `keep_dims` keeps them with
// size 1.
Tensor sum(Operand x);
Tensor sum(Operand x, const Axes& axes, bool keep_dims = false);
Tensor mean(Operand x);
Tensor mean(Operand x, const Axes& axes, bool keep_dims = false);
Tensor max(Operand x);  // NaN if any element is
Tensor max(Operand x, const Axes& axes, bool keep_dims = false);
// Index of the first largest element along `axis`, i32; drops the axis.
Tensor argmax(Operand x, int axis);

// [M,K] x [K,N] -> [M,N]. With leading dims, [..,M,K] x [..,K,N] -> [..,M,N]: one matmul for each of their indices;
// they broadcast as in numpy, and a matrix b of 2 dims multiplies every row of a.
Tensor matmul(Operand a, Operand b);

// Images are [N,C,H,W].
struct Conv2dOptions {
  Pair stride = 1;
  Pair padding = 0;  // zeros on both sides
  Pair dilation = 1;
  std::int64_t groups = 1;
};
// Cross-correlation: x [N,C,H,W], w [O,C/groups,kH,kW] -> [N,O,(H+2p-d(k-1)-1)/s+1,..].
Tensor conv2d(Operand x, Operand w, const Conv2dOptions& options = {});

struct ConvTranspose2dOptions {
  Pair stride = 1;
  Pair padding = 0;
  Pair dilation = 1;
  std::int64_t groups = 1;
  Pair output_padding = 0;  // additional rows and columns at the bottom and right, less than max(stride, dilation)
  // The wanted size, from which output_padding follows. If it is unreachable, the Error lists the sizes in reach.
  std::optional<Pair> output_size = std::nullopt;
};
// The input gradient of conv2d: x [N,C,H,W], w [C,O/groups,kH,kW] -> [N,O,(H-1)s-2p+d(k-1)+output_padding+1,..].
Tensor conv_transpose2d(Operand x, Operand w, const ConvTranspose2dOptions& options = {});

struct Pool2dOptions {
  std::optional<Pair> stride = std::nullopt;  // by default the kernel
  Pair padding = 0;
};
// The largest element of each window; padding never wins. [N,C,H,W] -> [N,C,(H+2p-k)/s+1,..].
Tensor max_pool2d(Operand x, Pair kernel, const Pool2dOptions& options = {});
// The mean of each window; padding counts as zeros.
Tensor avg_pool2d(Operand x, Pair kernel, const Pool2dOptions& options = {});
// Mean of each channel: [N,C,H,W] -> [N,C].
Tensor global_average(Operand x);

// Broadcasts to the given dims, by numpy's rule.
Tensor broadcast(Operand x, const Dims& dims);
// The same elements in row-major order under other dims. One dim may be -1: the rest.
Tensor reshape(Operand x, const Dims& dims);
// [N,..] -> [N, all the rest].
Tensor flatten(Operand x);
// Result dim i is dim perm[i] of x; without perm the dims are reversed.
Tensor transpose(Operand x, const std::vector<int>& perm);
Tensor transpose(Operand x);
// Indices begin to end - 1 along `axis`.
Tensor slice(Operand x, int axis, const Dim& begin, const Dim& end);
// Zeros before and after along `axis`.
Tensor pad(Operand x, int axis, const Dim& before, const Dim& after);
Tensor concat(const std::vector<Tensor>& parts, int axis,
              std::source_location location = std::source_location::current());
// Rows of table [N,..] by indices i32[M] -> [M,..].
Tensor gather(Operand table, Operand indices);
// Adds rows [M,..] into zeros [count,..] at indices i32[M].
Tensor scatter_add(Operand indices, Operand rows, const Dim& count);
// Bilinear sampling of x [N,C,H,W] at theta [N,2,3] * (u,v,1) -> [N,C,height,width]. Coordinates run over [-1,1] from
// edge to edge of the image; outside is 0.
Tensor affine_sample(Operand x, Operand theta, std::int64_t height, std::int64_t width);

// Sources.
Tensor constant(double value, const Dims& dims = {}, DType dtype = DType::f32,
                std::source_location location = std::source_location::current());
// Row-major.
Tensor constant(const std::vector<double>& values, const Dims& dims, DType dtype = DType::f32,
                std::source_location location = std::source_location::current());
// The index along `axis`.
Tensor iota(const Dims& dims, int axis, DType dtype = DType::i32,
            std::source_location location = std::source_location::current());
// The size of a dim as a scalar: 1.0 / dim_size(B).
Tensor dim_size(const Dim& dim, DType dtype = DType::f32,
                std::source_location location = std::source_location::current());
// The same, f32[], for a dim that must be at least `least`: binding it to less is an Error at this location that says
// what needs it. at_least(B, 2, "batch normalisation").
Tensor at_least(const Dim& dim, std::int64_t least, const std::string& what,
                std::source_location location = std::source_location::current());
// New random numbers at each step and each use, a function of the run's seed, the step and the element.
Tensor random_uniform(const Dims& dims, std::source_location location = std::source_location::current());  // [0, 1)
Tensor random_normal(const Dims& dims, std::source_location location = std::source_location::current());   // N(0, 1)

}  // namespace weft
