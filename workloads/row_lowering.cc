#include "workloads/row_lowering.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "workloads/row_split.h"

namespace rigsim::workloads {
namespace {

using Kernels = std::vector<Kernel>;

/// A run of kernels that only the main device has, and the product that follows, if any.
struct Step {
  Kernels before;
  Kernels product;  ///< with the whole matrix: what the main device would do alone
};

bool prepares_product(const Kernel& kernel) {
  return kernel.kind == KernelKind::kDequantize || kernel.name == "convert_input";
}

bool is_product(const Kernel& kernel) {
  return kernel.kind == KernelKind::kMatVec || kernel.kind == KernelKind::kGemm;
}

/// Cuts a kernel list at its products: unpacking and converting around one belong to it.
std::vector<Step> steps_of(const Kernels& kernels) {
  std::vector<Step> steps(1);
  for (auto at = kernels.begin(); at != kernels.end(); ++at) {
    Step& step = steps.back();
    const bool converts_back = at->name == "convert_output" && steps.size() > 1;
    if (converts_back) {
      steps[steps.size() - 2].product.push_back(*at);
    } else if (is_product(*at)) {
      step.product.push_back(*at);
      steps.emplace_back();
    } else {
      (prepares_product(*at) ? step.product : step.before).push_back(*at);
    }
  }
  return steps;
}

std::vector<Kernels> products_of(const Kernels& kernels) {
  std::vector<Kernels> products;
  for (Step& step : steps_of(kernels)) {
    if (!step.product.empty()) products.push_back(std::move(step.product));
  }
  return products;
}

const Kernel& multiplication(const Kernels& product) {
  return *std::find_if(product.begin(), product.end(), is_product);
}

/// Lowers layer after layer on the devices of one stage.
class RowLowering {
 public:
  RowLowering(PassOps& ops, const DeployedStage& stage, const PassShape& shape)
      : ops_(ops), d_(ops.deployment()), stage_(stage), shape_(shape), main_(stage.devices[0]) {
    for (const std::uint32_t device : stage.devices) memory_.push_back(ops.device(device).memory);
  }

  Ops layer(int layer, Ops ready) {
    const auto& weights = d_.weights.layers[static_cast<std::size_t>(layer)];
    return lower(
        weights, shape_.tokens, std::move(ready),
        [&](const std::vector<StoredTensor>& part, std::int64_t tokens, std::uint32_t place) {
          PassShape shape = shape_;
          shape.tokens = tokens;
          return layer_kernels(d_.model, part, layer, shape, d_.engine, ops_.backend(place),
                               ops_.device(place));
        });
  }

  Ops head(Ops ready) {
    return lower(
        d_.weights.head, shape_.logits, std::move(ready),
        [&](const std::vector<StoredTensor>& part, std::int64_t tokens, std::uint32_t place) {
          PassShape shape = shape_;
          shape.logits = tokens;
          return head_kernels(d_.model, part, shape, d_.engine, ops_.backend(place),
                              ops_.device(place));
        });
  }

 private:
  /// The products of one device with its rows, by tokens of a block.
  using Products = std::map<std::int64_t, std::vector<Kernels>>;

  template <class KernelsOf>
  Ops lower(const std::vector<StoredTensor>& weights, std::int64_t tokens, Ops ready,
            KernelsOf kernels_of) {
    const std::vector<std::int64_t> blocks = blocks_of(tokens);
    std::vector<Products> products;
    for (std::size_t i = 0; i < stage_.devices.size(); ++i) {
      products.emplace_back();
      for (const std::int64_t block : blocks) {
        auto& of_block = products.back()[block];
        if (of_block.empty())
          of_block = products_of(kernels_of(slices(weights, i), block, stage_.devices[i]));
      }
    }
    std::size_t index = 0;
    for (const Step& step : steps_of(kernels_of(weights, tokens, main_))) {
      ready = ops_.chain(step.before, main_, false, std::move(ready));
      if (step.product.empty()) continue;
      const Kernel& kernel = multiplication(step.product);
      ready = product(matrix(weights, kernel), kernel, blocks, products, index++, std::move(ready));
    }
    return ready;
  }

  static std::vector<std::int64_t> blocks_of(std::int64_t tokens) {
    std::vector<std::int64_t> blocks;
    for (std::int64_t left = tokens; left > 0; left -= kRowSplitBlock)
      blocks.push_back(std::min(left, kRowSplitBlock));
    return blocks;
  }

  [[nodiscard]] std::vector<RowRange> ranges(const StoredTensor& weights) const {
    return row_ranges(weights.tensor.rows, weights.type, memory_);
  }

  [[nodiscard]] std::vector<StoredTensor> slices(const std::vector<StoredTensor>& weights,
                                                 std::size_t device) const {
    std::vector<StoredTensor> parts;
    for (const StoredTensor& whole : weights) {
      const bool split = whole.tensor.rows > 1;
      parts.push_back(split ? row_slice(whole, ranges(whole)[device]) : whole);
    }
    return parts;
  }

  [[nodiscard]] static const StoredTensor& matrix(const std::vector<StoredTensor>& weights,
                                                  const Kernel& kernel) {
    const auto found = std::find_if(weights.begin(), weights.end(), [&](const StoredTensor& w) {
      return to_string(w.tensor.role) == kernel.name;
    });
    if (found == weights.end()) throw std::logic_error("a product without a matrix");
    return *found;
  }

  /// Block formats multiply with quantised activations, unless the product unpacks the weights.
  [[nodiscard]] bool sends_quantized(const StoredTensor& weights, const Kernel& kernel) const {
    const bool packed =
        kernel.kind == KernelKind::kMatVec || !ops_.backend(main_).dequantize_for_gemm;
    return packed && info(weights.type).block_weights > 1;
  }

  Ops product(const StoredTensor& weights, const Kernel& kernel,
              const std::vector<std::int64_t>& blocks, const std::vector<Products>& products,
              std::size_t index, const Ops& ready) {
    const bool quantized = sends_quantized(weights, kernel);
    const std::vector<RowRange> rows = ranges(weights);
    Ops done;
    Ops own = ready;
    Ops sent = ready;  // what the next copy out of the main device waits for
    for (std::size_t i = 0; i < stage_.devices.size(); ++i) {
      if (rows[i].rows() == 0) continue;
      if (i > 0) sent = begin_on(i, kernel.layer, sent);
      Ops arrived = sent;
      for (const std::int64_t block : blocks) {
        const Kernels& kernels = products[i].at(block)[index];
        if (i == 0) {
          own = ops_.chain(kernels, main_, false, own);
          continue;
        }
        const std::uint32_t place = stage_.devices[i];
        arrived = {ops_.transfer("row_input", main_, place,
                                 row_input_bytes(weights, block, quantized), kernel.layer,
                                 arrived)};
        const Ops multiplied = ops_.chain(kernels, place, false, arrived);
        done.push_back(ops_.transfer("row_output", place, main_,
                                     row_output_bytes(rows[i].rows(), block), kernel.layer,
                                     multiplied));
      }
    }
    if (done.empty()) return own;
    own.push_back(ops_.handover(main_, kernel.layer, done));
    return own;
  }

  /// The `i`-th device sees the main device's event: the first of them once the host has set it up,
  /// the others as the copies leave the main device's engine. `before` is what the device before it
  /// waited for.
  Ops begin_on(std::size_t i, int layer, const Ops& before) {
    const std::uint32_t place = stage_.devices[i];
    if (i == 1) return {ops_.handover(place, layer, before)};
    const sim::Duration wait = d_.network.route(main_, place).fixed_cost / 2;
    return {ops_.exchange("copy_engine", place, wait, layer, before)};
  }

  PassOps& ops_;
  const Deployment& d_;
  const DeployedStage& stage_;
  const PassShape& shape_;
  std::uint32_t main_;
  std::vector<sim::Bytes> memory_;
};

}  // namespace

Ops lower_row_stage(PassOps& ops, const DeployedStage& stage, const PassShape& shape, Ops ready) {
  RowLowering lowering(ops, stage, shape);
  for (int layer = stage.first_layer; layer < stage.first_layer + stage.layer_count; ++layer)
    ready = lowering.layer(layer, std::move(ready));
  return stage.has_head ? lowering.head(std::move(ready)) : ready;
}

}  // namespace rigsim::workloads
