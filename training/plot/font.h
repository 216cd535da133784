// A built-in font, so that charts need no font file: printable ASCII, 5 dots wide, 7 high and one below the baseline.
#pragma once

#include <array>
#include <cstdint>

namespace weft::training {

inline constexpr int glyph_columns = 5;
inline constexpr int glyph_rows = 8;

// One byte a column from the left; bit r is the dot of row r from the top. Row 6 stands on the baseline.
using Glyph5x8 = std::array<std::uint8_t, glyph_columns>;

// Whatever is not printable ASCII is shown as '?'.
const Glyph5x8& glyph_of(char character);

}  // namespace weft::training
