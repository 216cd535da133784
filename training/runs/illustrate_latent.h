// Pictures of a latent space: maps, interpolations, and the effect of each unit.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "training/data/dataset.h"
#include "training/evaluation/codes.h"
#include "training/plot/plots.h"
#include "training/runs/illustrate.h"
#include "training/session.h"
#include "training/stats/unit_statistics.h"

namespace weft::training {

// Below, `codes` are the codes of the samples of `data`.

// The codes as points in the plane, coloured by class: the codes themselves if there are two units, else up to 1,000 of
// them by t-SNE.
Canvas picture_latent(const Codes& codes, const Dataset& data);

// The codes by PCA and by t-SNE; if there are two units, the codes themselves beside the samples by PCA and by t-SNE.
// Takes some seconds per thousand points.
Canvas picture_maps(const Codes& codes, const Dataset& data);

// Varies each unit of the code `base` in `steps` steps from -3 to 3, most informative unit first. The scale is the
// prior's; for codes without a prior, standard deviations of the unit around its mean.
Canvas picture_traversals(Session& session, const LatentStatistics& statistics, std::span<const float> base,
                          const ImageShape& shape, std::int64_t steps = 11, std::int64_t most = 20);

// A histogram per unit of z drawn from the aggregate posterior (or of the codes), under the density of N(0, 1).
Canvas picture_units(const Codes& codes, const LatentStatistics& statistics, std::uint64_t seed,
                     std::int64_t most = 30);

// For two units: the latent plane, decoded at side x side places over the bounding box of the codes. Places far from
// all codes decode to unclear images.
Canvas picture_plane(Session& session, const Codes& codes, const ImageShape& shape, std::int64_t side = 20);

// For each pair of samples: a row of the interpolation in latent space and, below it, a row of the interpolation in
// pixels.
Canvas picture_interpolations(Session& session, const Dataset& data,
                              const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs, Path path,
                              std::int64_t steps = 11);
// The first `most` pairs of consecutive samples of different classes, for a report.
std::vector<std::pair<std::int64_t, std::int64_t>> neighbouring_pairs(const Dataset& data, std::size_t most = 4);

}  // namespace weft::training
