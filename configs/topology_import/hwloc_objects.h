#pragma once

#include <optional>
#include <string>

#include "configs/topology_import/gpu_facts.h"
#include "configs/topology_import/machine_sketch.h"
#include "configs/topology_import/xml_tree.h"

namespace rigsim::configs {

/// What an hwloc object is, by its `type`.
[[nodiscard]] bool is_object(const XmlElement& element, std::string_view type);

/// The value of an object's `<info name=... value=...>`; empty: none.
[[nodiscard]] std::string_view hwloc_info(const XmlElement& object, std::string_view name);

/// Whether a PCIDev is a GPU that computes: NVIDIA's, AMD's and Intel's display and accelerator
/// classes with a driver's OS device below, or of a class that has no screen.
[[nodiscard]] bool is_hwloc_gpu(const XmlElement& pci);

/// Whether a PCIDev is a NIC for talking to other machines: InfiniBand, or an OpenFabrics device.
[[nodiscard]] bool is_hwloc_nic(const XmlElement& pci);

/// Whether a PCIDev is an NVSwitch.
[[nodiscard]] bool is_nvswitch(const XmlElement& pci);

/// What a PCIDev that is a GPU says of it.
[[nodiscard]] GpuFacts hwloc_gpu(const XmlElement& pci);

/// The name of a NIC's first OS device: "mlx5_0".
[[nodiscard]] std::string hwloc_nic_name(const XmlElement& pci);

/// `pci_link_speed` (GB/s of the link as it runs) as the lowest generation with 16 lanes, or fewer
/// where none fits. Generations 1 and 2, which idle links fall to, count as unknown.
[[nodiscard]] PcieFacts hwloc_link(const XmlElement& object);

}  // namespace rigsim::configs
