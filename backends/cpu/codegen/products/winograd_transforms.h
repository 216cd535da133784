// Winograd's F(4,3) on a line, over any numbers: the points 0, +-1/sqrt 2, +-sqrt 2 and infinity, which round a third
// as much as the usual 0, +-1, +-2. result = A^T [(G kernel) * (B^T image)], and by transposition the weights' gradient
// = G^T [(A gradient) * (B^T image)].
#pragma once

#include <array>

namespace weft::cpu::winograd {

inline constexpr double kRoot = 1.4142135623730951;

template <typename N>
using Line = std::array<N, 6>;

template <typename N>
Line<N> of_image(const Line<N>& d) {  // B^T
  const N a = fma(N(-2), d[2], d[4]), b = fma(N(-kRoot), d[1], N(kRoot / 2) * d[3]);
  const N c = fma(N(-.5), d[2], d[4]), e = fma(N(-kRoot / 2), d[1], N(kRoot) * d[3]);
  return {fma(N(-2.5), d[2], d[0] + d[4]), a + b, a - b, c + e, c - e, fma(N(-2.5), d[3], d[1] + d[5])};
}

template <typename N>
std::array<N, 4> of_result(const Line<N>& m) {  // A^T
  const N a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  return {m[0] + (a + c), fma(N(kRoot / 2), b, N(kRoot) * d), fma(N(.5), a, c + c),
          fma(N(kRoot / 4), b, fma(N(2 * kRoot), d, m[5]))};
}

template <typename N>
Line<N> of_gradient(const std::array<N, 4>& y) {  // A
  const N a = fma(N(.5), y[2], y[0]), b = fma(N(kRoot / 4), y[3], N(kRoot / 2) * y[1]);
  const N c = fma(N(2), y[2], y[0]), d = fma(N(2 * kRoot), y[3], N(kRoot) * y[1]);
  return {y[0], a + b, a - b, c + d, c - d, y[3]};
}

template <typename N>
Line<N> of_kernel(const std::array<N, 3>& g) {  // G
  const N a = fma(N(-2. / 3), g[0], N(-1. / 3) * g[2]), b = N(kRoot / 3) * g[1];
  const N c = fma(N(1. / 6), g[0], N(1. / 3) * g[2]), d = N(kRoot / 6) * g[1];
  return {g[0], a - b, a + b, c + d, c - d, g[2]};
}

template <typename N>
std::array<N, 3> of_weights(const Line<N>& m) {  // G^T
  const N a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  return {m[0] + fma(N(-2. / 3), a, N(1. / 6) * c), fma(N(-kRoot / 3), b, N(kRoot / 6) * d),
          m[5] + fma(N(-1. / 3), a, N(1. / 3) * c)};
}

// The transform of rows after that of columns: from a square of Size to one of the transform's size.
template <typename N, std::size_t Size, typename Transform>
auto in_both(const std::array<std::array<N, Size>, Size>& from, Transform transform) {
  using Made = decltype(transform(from[0]));
  constexpr std::size_t kMade = std::tuple_size_v<Made>;
  std::array<std::array<N, Size>, kMade> columns;
  for (std::size_t j = 0; j < Size; ++j) {
    std::array<N, Size> column;
    for (std::size_t i = 0; i < Size; ++i) column[i] = from[i][j];
    const Made made = transform(column);
    for (std::size_t i = 0; i < kMade; ++i) columns[i][j] = made[i];
  }
  std::array<Made, kMade> result;
  for (std::size_t i = 0; i < kMade; ++i) result[i] = transform(columns[i]);
  return result;
}

}  // namespace weft::cpu::winograd
