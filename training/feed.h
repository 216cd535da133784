// Feeds a graph from a data set in memory: the graph itself gathers its batch, so a step needs no data loader.
#pragma once

#include <cstdint>
#include <string_view>

#include "ir/graph.h"

namespace weft::training {

// The inputs of a model's entries that a data set can feed.
inline constexpr std::string_view kSamplesInput = "x";      // f32[B,..]; pixels are in [0,1]
inline constexpr std::string_view kLabelsInput = "labels";  // i32[B]

// The inputs of a fed graph that replace them. N is the size of the data set.
inline constexpr std::string_view kIndicesInput = "indices";  // i32[B]: the samples of this batch
inline constexpr std::string_view kImagesInput = "images";    // u8 or f32[N,..], with the dims of x after its batch
inline constexpr std::string_view kAllLabelsInput = "all_labels";  // i32[N]
inline constexpr std::string_view kSizeSymbol = "N";

// table: the graph gathers its batch by indices. batch: the caller passes the batch as images, u8 or f32[B,..], and
// labels, i32[B].
enum class Feeding : std::uint8_t { table, batch };

// Replaces x by images[indices] (divided by 255 if `images` is u8) and labels by all_labels[indices]. Throws Error if
// the graph has no input x, or has a data input that a data set cannot feed.
ir::GraphPtr feed(const ir::GraphPtr& graph, ir::DType samples = ir::DType::u8, Feeding feeding = Feeding::table);

}  // namespace weft::training
