// t-SNE (van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 2008): lays out points of many dims in the plane
// so that neighbours stay neighbours. The exact method takes O(N^2) per step: for a few thousand points.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::training {

struct TsneOptions {
  double perplexity = 30;  // effective number of neighbours; at most a third of the points
  int steps = 1000;
};

inline constexpr std::int64_t kFewestTsnePoints = 4;
// More points take minutes.
inline constexpr std::int64_t kMaxTsnePoints = 5'000;

// `points` is [N,dims]; returns [N,2]. Deterministic: the layout starts from the principal components. Throws Error if
// there are fewer than kFewestTsnePoints, more than kMaxTsnePoints, or one is not finite.
std::vector<float> tsne(std::span<const float> points, std::int64_t dims, const TsneOptions& options = {});

}  // namespace weft::training
