// What a command says of a model that lacks an entry it needs.
#pragma once

#include <string>

#include "tools/flags/catalog.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::tools {

// An Error that names the entry, what needs it, and the models of the catalog that have it, unless `session` does.
void need_entry(const Catalog& catalog, const training::Session& session, const std::string& entry,
                const std::string& needed_by);

// An Error where the samples are rows of a table, which cannot be drawn.
void need_images(const training::Dataset& data);

// The test samples, or an Error where there are none.
const training::Dataset& need_test(const training::DatasetSplits& data);

}  // namespace weft::tools
