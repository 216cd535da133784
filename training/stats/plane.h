// Codes as a plane: the principal components that the latent map shows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::training {

// `points` is [N,dims]. Gives [N,2]: the two coordinates themselves where dims is 2, (x, 0) where it is 1, else the two
// directions of largest variance (PCA), each turned so that its largest component is positive.
std::vector<float> plane_of(std::span<const float> points, std::int64_t dims);

}  // namespace weft::training
