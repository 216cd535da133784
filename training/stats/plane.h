// Projects codes to the plane that the latent map shows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weft::training {

// `points` is [N,dims]. Returns [N,2]: the coordinates themselves if dims is 2, (x, 0) if it is 1, else the coordinates
// along the two directions of largest variance (PCA), each signed so that its largest component is positive.
std::vector<float> plane_of(std::span<const float> points, std::int64_t dims);

}  // namespace weft::training
