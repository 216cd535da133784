// Pictures of a latent space: maps of it, walks through it, and what each of its units does.
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

// In what follows `codes` are those of the samples of `data`.

// The codes as points of the plane, by class: themselves where there are two units, else along the two directions of
// largest variance.
Canvas picture_latent(const Codes& codes, const Dataset& data);

// The codes by PCA beside the codes by t-SNE; where the latent has two units, that plane itself beside the samples (not
// their codes) by PCA and by t-SNE. Takes some seconds a thousand points.
Canvas picture_maps(const Codes& codes, const Dataset& data);

// Each unit, from the one that tells most, in `steps` steps from -3 to 3, the others as the code `base` has them: in
// units of the prior, for codes without a prior in standard deviations of the unit around its mean.
Canvas picture_traversals(Session& session, const LatentStatistics& statistics, std::span<const float> base,
                          const ImageShape& shape, std::int64_t steps = 11, std::int64_t most = 20);

// A histogram a unit of z drawn from the aggregate posterior (or of the codes), with the density of N(0, 1) over it.
Canvas picture_units(const Codes& codes, const LatentStatistics& statistics, std::uint64_t seed,
                     std::int64_t most = 30);

// A latent of two units: its plane, decoded at side x side places over the box that holds the codes. What lies where no
// code does shows in what looks like nothing.
Canvas picture_plane(Session& session, const Codes& codes, const ImageShape& shape, std::int64_t side = 20);

// A row for each pair of samples: the walk from one to the other in latent space, and below it the mix of their pixels.
Canvas picture_interpolations(Session& session, const Dataset& data,
                              const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs, Path path,
                              std::int64_t steps = 11);
// The first `most` pairs of neighbours in the data of different classes, for a report.
std::vector<std::pair<std::int64_t, std::int64_t>> neighbouring_pairs(const Dataset& data, std::size_t most = 4);

}  // namespace weft::training
