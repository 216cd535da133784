// The deep autoencoder.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model autoencoder();

}  // namespace weft::models
