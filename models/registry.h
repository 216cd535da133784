// The models that come with Weft.
#pragma once

#include <string_view>
#include <vector>

#include "frontend/model.h"

namespace weft::models {

#define WEFT_MODEL(name) Model name();
#include "models/models.def"
#undef WEFT_MODEL

const std::vector<Model>& all();
// Throws Error with the nearest name if the name is unknown.
const Model& find(std::string_view name);

}  // namespace weft::models
