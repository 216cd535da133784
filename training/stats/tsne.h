// t-SNE (van der Maaten & Hinton, "Visualizing Data using t-SNE", JMLR 2008): points of many dims laid out in the plane
// so that neighbours stay neighbours. The exact method, in O(N^2) a step: for a few thousand points.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::training {

struct TsneOptions {
  double perplexity = 30;  // the number of neighbours a point heeds, smoothly; lowered to a third of the points
  int steps = 1000;
};

// More than this takes minutes.
inline constexpr std::int64_t kMaxTsnePoints = 5'000;

// `points` is [N,dims]; gives [N,2]. A function of the points alone: the layout starts from their principal components.
// Throws Error where there are fewer than 4 points, more than most_tsne_points, or one is not finite.
std::vector<float> tsne(std::span<const float> points, std::int64_t dims, const TsneOptions& options = {});

}  // namespace weft::training
