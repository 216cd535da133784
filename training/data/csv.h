// Tables as text: CSV and related formats, plain or gzipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "training/data/dataset.h"
#include "training/data/table.h"

namespace weft::training {

// The role of the last column. guess: its values and its name decide (docs/reference/data-formats.md).
enum class LastColumn : std::uint8_t { guess, feature, label };

// Commas, semicolons or tabs separate cells; all except labels are numbers. A first line without numbers is a header.
// Labels are sorted by number, else by name. Throws Error with row and column if a cell is empty, not a number or not
// finite, or the number of cells differs from the first row; also if there are no rows.
Table read_csv(const std::filesystem::path& path, LastColumn last = LastColumn::guess);

// Whether `path` is a file .csv, .tsv, .tra, .tes or .data, or a folder with train.csv (and test.csv); each plain or
// .gz.
bool is_csv(const std::filesystem::path& path);
// Splits NAME.tra if NAME.tes is not beside it, and a folder if it has no test.csv.
DatasetSplits load_csv(const std::filesystem::path& path, const LoadOptions& options);

}  // namespace weft::training
