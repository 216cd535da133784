// Tables as text: CSV and its kin, plain or gzipped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "training/data/dataset.h"
#include "training/data/table.h"

namespace weft::training {

// What the last column is: a feature; a label; or as its values and its name say (docs/reference/data-formats.md).
enum class LastColumn : std::uint8_t { guess, feature, label };

// Cells apart by comma, semicolon or tab, all numbers but those of a label; a first line without any number is a
// header. Labels are sorted: by number, or else by name. Throws Error with row and column of a cell that is empty, no
// number or not finite, of a row that has not as many cells as the first, and where there are no rows.
Table read_csv(const std::filesystem::path& path, LastColumn last = LastColumn::guess);

// A file .csv, .tsv, .tra, .tes or .data; or a folder with train.csv (and test.csv); each plain or .gz.
bool is_csv(const std::filesystem::path& path);
// NAME.tra is split by itself where NAME.tes is not beside it, and a folder where it has no test.csv.
DatasetSplits load_csv(const std::filesystem::path& path, const LoadOptions& options);

}  // namespace weft::training
