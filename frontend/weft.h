// Everything a model needs: #include <weft/weft.h>.
#pragma once

#include "frontend/activations.h"
#include "frontend/augment.h"
#include "frontend/entry.h"
#include "frontend/init.h"
#include "frontend/layers.h"
#include "frontend/losses.h"
#include "frontend/model.h"
#include "frontend/ops.h"
#include "frontend/tensor.h"
