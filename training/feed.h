// Feeding a graph from a data set held in memory: the graph itself gathers its batch, so a step needs no loader.
#pragma once

#include <cstdint>
#include <string_view>

#include "ir/graph.h"

namespace weft::training {

// What a model's entries call the inputs that a data set can give.
inline constexpr std::string_view kSamplesInput = "x";     // f32[B,..]; of pictures, values in [0,1]
inline constexpr std::string_view kLabelsInput = "labels";  // i32[B]

// What a fed graph takes in their place. N is the symbol of the size of the data set.
inline constexpr std::string_view kIndicesInput = "indices";        // i32[B]: the samples of this batch
inline constexpr std::string_view kImagesInput = "images";          // u8 or f32[N,..], the dims of x without its batch
inline constexpr std::string_view kAllLabelsInput = "all_labels";  // i32[N]
inline constexpr std::string_view kSizeSymbol = "N";

// From a table, by indices; or batches as they are: images u8 or f32[B,..] and labels i32[B], and no indices.
enum class Feeding : std::uint8_t { table, batch };

// Replaces x by images[indices] (divided by 255 where `images` is u8) and labels by all_labels[indices]. Throws Error
// where the graph has no input x, or a data input that a data set cannot give.
ir::GraphPtr feed(const ir::GraphPtr& graph, ir::DType samples = ir::DType::u8, Feeding feeding = Feeding::table);

}  // namespace weft::training
