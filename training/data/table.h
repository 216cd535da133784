// Rows of numbers as a data set: columns scaled by the training rows, and labels that become classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "training/data/dataset.h"

namespace weft::training {

// A table as its file has it.
struct Table {
  std::vector<std::string> names;  // one a column
  std::int64_t rows = 0;
  std::vector<double> values;        // [rows, columns]
  std::vector<std::int32_t> labels;  // one a row, indices of class_names; or none
  std::vector<std::string> class_names;

  std::int64_t columns() const { return static_cast<std::int64_t>(names.size()); }
};

// `table` as a data set, its columns scaled as `columns` say. Throws Error where it has another number of columns, or
// no rows.
Dataset to_dataset(const std::string& name, const Table& table, const std::vector<Column>& columns);

// Maps the values that each column has in `table` to [0,1]; a column that never changes to 0.
std::vector<Column> unit_range(const Table& table);

// Splits `all` at random, or takes `train` and `test` as they are, holds validation samples out, and scales each column
// by the options' columns, or so that the training rows lie in [0,1].
DatasetSplits table_splits(const std::string& name, const Table& all, const LoadOptions& options);
DatasetSplits table_splits(const std::string& name, const Table& train, const Table& test, const LoadOptions& options);

}  // namespace weft::training
