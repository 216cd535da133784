// Tables: read as each kind of last column, and made a data set.
#include "training/data/csv.h"

#include <cmath>

#include "ir/visible.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  using training::LastColumn;
  const fuzz::MemoryFile input(fuzz::text_of(data, size));
  for (const LastColumn last : {LastColumn::guess, LastColumn::feature, LastColumn::label}) {
    training::Table table;
    if (!fuzz::accepts([&] { table = training::read_csv(input.path(), last); })) continue;
    fuzz::need(table.values.size() == static_cast<std::size_t>(table.rows * table.columns()), "a table with holes");
    for (const double value : table.values) fuzz::need(std::isfinite(value), "a cell that is not finite");
    for (const std::int32_t label : table.labels)
      fuzz::need(label >= 0 && static_cast<std::size_t>(label) < table.class_names.size(), "a label that is no class");
    for (const auto& names : {table.names, table.class_names})
      for (const std::string& name : names) fuzz::need(visible(name) == name, "a name that acts on a terminal", name);
    fuzz::accepts([&] {
      const training::DatasetSplits splits = training::table_splits("input", table, training::LoadOptions{});
      for (const float value : splits.train.samples.as<float>())
        fuzz::need(std::isfinite(value), "a scaled cell that is not finite");
    });
  }
  return 0;
}
