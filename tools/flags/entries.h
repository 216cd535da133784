// Errors for models and data that lack what a command needs.
#pragma once

#include <string>

#include "tools/flags/catalog.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::tools {

// Unless `session` has the entry, throws Error with its name, the command that needs it, and the models that have it.
void need_entry(const Catalog& catalog, const training::Session& session, const std::string& entry,
                const std::string& needed_by);

// Throws Error if the samples are rows of a table, which cannot be drawn.
void need_images(const training::Dataset& data);

// The test samples; throws Error if there are none.
const training::Dataset& need_test(const training::DatasetSplits& data);

}  // namespace weft::tools
