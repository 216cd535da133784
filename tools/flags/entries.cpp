// Builds each model with its defaults to find those with an entry.
#include "tools/flags/entries.h"

#include <vector>

namespace weft::tools {

namespace {

std::vector<std::string> models_with(const Catalog& catalog, const std::string& entry) {
  std::vector<std::string> names;
  for (const Model& model : catalog.models())
    if (build_module(model, Settings(model)).find(entry)) names.push_back(model.name);
  return names;
}

}  // namespace

void need_entry(const Catalog& catalog, const training::Session& session, const std::string& entry,
                const std::string& needed_by) {
  if (session.has(entry)) return;
  const std::vector<std::string> names = models_with(catalog, entry);
  if (names.empty())
    fail("{} needs entry @{}, which {} lacks; give the model that entry (docs/reference/dsl.md)", needed_by, entry,
         session.module().name);
  fail("{} needs entry @{}, which {} lacks; models with it: {}", needed_by, entry, session.module().name,
       fmt::join(names, ", "));
}

void need_images(const training::Dataset& data) {
  if (data.is_table()) fail("{} holds rows of a table, which cannot be drawn", data.name);
}

const training::Dataset& need_test(const training::DatasetSplits& data) {
  if (data.test.size() == 0) fail("{} has no test samples", data.train.name);
  return data.test;
}

}  // namespace weft::tools
