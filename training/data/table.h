// Tables as data sets: scales columns by the training rows and turns labels into classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/data/dataset.h"

namespace weft::training {

// A table as read from its file.
struct Table {
  std::vector<std::string> names;  // one per column
  std::int64_t rows = 0;
  std::vector<double> values;        // [rows, columns]
  std::vector<std::int32_t> labels;  // one per row, indices of class_names; or empty
  std::vector<std::string> class_names;

  std::int64_t columns() const { return static_cast<std::int64_t>(names.size()); }
};

// `table` as a data set, scaled by `columns`. Throws Error if it has another number of columns, or no rows.
Dataset to_dataset(const std::string& name, const Table& table, const std::vector<Column>& columns);

// Columns that map the values of `table` to [0,1], constant ones to 0.
std::vector<Column> unit_range(const Table& table);

// Splits `all` at random, or uses `train` and `test`; holds out validation samples; scales each column by the options'
// columns, else so that the training rows are in [0,1].
DatasetSplits table_splits(const std::string& name, const Table& all, const LoadOptions& options);
DatasetSplits table_splits(const std::string& name, const Table& train, const Table& test, const LoadOptions& options);

}  // namespace weft::training
