// Scales and splits tables.
#include "training/data/table.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

struct Range {
  double low, high;
};

// Treats a nearly constant column as constant: the scale of a narrower range is not finite.
Column unit_column(std::string name, Range range) {
  constexpr double narrowest = 1e-37;
  const double width = range.high - range.low;
  return {std::move(name), range.low, width > narrowest ? 1 / width : 1};
}

// The scaled value number `index` of a table, row by row.
float scaled(double value, const Column& column, const std::string& name, std::size_t index, std::size_t columns) {
  const auto result = static_cast<float>((value - column.offset) * column.scale);
  if (!std::isfinite(result))
    fail("{}: sample {}, column {}: {} is too far outside the range of the training rows; remove the row", name,
         index / columns + 1, index % columns + 1, value);
  return result;
}

// Scales the training rows to [0,1]; the new columns include the earlier scaling.
void rescale_by_training(DatasetSplits& splits) {
  const std::size_t columns = splits.train.columns.size();
  std::vector<Range> ranges(columns);
  const auto values = splits.train.samples.as<float>();
  for (std::size_t column = 0; column < columns; ++column) ranges[column] = {values[column], values[column]};
  for (std::size_t i = 0; i < values.size(); ++i) {
    Range& range = ranges[i % columns];
    range = {std::min<double>(range.low, values[i]), std::max<double>(range.high, values[i])};
  }
  for (Dataset* data : {&splits.train, &splits.validation, &splits.test}) {
    const auto numbers = data->samples.as<float>();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = scaled(numbers[i], unit_column("", ranges[i % columns]), data->name, i, columns);
    }
    for (std::size_t column = 0; column < columns; ++column) {
      const Column step = unit_column("", ranges[column]);
      Column& whole = data->columns[column];
      whole = {whole.name, whole.offset + step.offset / whole.scale, whole.scale * step.scale};
    }
  }
}

}  // namespace

Dataset to_dataset(const std::string& name, const Table& table, const std::vector<Column>& columns) {
  if (table.rows == 0) fail("{}: holds no rows", name);
  if (columns.size() != table.names.size())
    fail("{}: has {} columns of features, but the run was trained on {}; give the same columns in the same order", name,
         table.names.size(), columns.size());
  Dataset data{name,
               HostTensor::zeros(ir::DType::f32, {table.rows, table.columns()}),
               HostTensor::zeros(ir::DType::i32, {table.rows}),
               std::max(1, static_cast<int>(table.class_names.size())),
               table.class_names,
               columns};
  const auto rows = data.samples.as<float>();
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i] = scaled(table.values[i], columns[i % columns.size()], name, i, columns.size());
  std::ranges::copy(table.labels, data.labels.as<std::int32_t>().begin());
  if (data.class_names.empty()) data.class_names = {"all"};
  return data;
}

std::vector<Column> unit_range(const Table& table) {
  std::vector<Column> columns;
  const auto width = static_cast<std::size_t>(table.columns());
  for (std::size_t column = 0; column < width; ++column) {
    Range range{0, 0};
    for (std::size_t i = column; i < table.values.size(); i += width) {
      const double value = table.values[i];
      range = i == column ? Range{value, value} : Range{std::min(range.low, value), std::max(range.high, value)};
    }
    columns.push_back(unit_column(table.names[column], range));
  }
  return columns;
}

DatasetSplits table_splits(const std::string& name, const Table& all, const LoadOptions& options) {
  const bool given = !options.columns.empty();
  DatasetSplits splits = split_at_random(to_dataset(name, all, given ? options.columns : unit_range(all)), options);
  if (!given) rescale_by_training(splits);
  return splits;
}

DatasetSplits table_splits(const std::string& name, const Table& train, const Table& test, const LoadOptions& options) {
  const bool given = !options.columns.empty();
  if (train.class_names != test.class_names)
    fail("{}: the training rows have {} classes, the test rows {}; both need the same", name, train.class_names.size(),
         test.class_names.size());
  const std::vector<Column> columns = given ? options.columns : unit_range(train);
  DatasetSplits splits = with_validation(to_dataset(name, train, columns), to_dataset(name, test, columns), options);
  if (!given) rescale_by_training(splits);
  return splits;
}

}  // namespace weft::training
