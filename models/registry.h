// The models that come with Weft.
#pragma once

#include <string>
#include <vector>

#include "frontend/model.h"

namespace weft::models {

#define WEFT_MODEL(name) Model name();
#include "models/models.def"
#undef WEFT_MODEL

const std::vector<Model>& all();
// An unknown name is an Error with the nearest right one.
const Model& find(const std::string& name);

}  // namespace weft::models
