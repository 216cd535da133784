// The variational autoencoder.
#pragma once

#include "frontend/model.h"

namespace weft::models {

Model vae();

}  // namespace weft::models
