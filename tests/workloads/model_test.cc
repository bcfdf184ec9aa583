#include "workloads/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

using testing::HasSubstr;

std::string complaint(const std::string& name, const std::function<void(Model&)>& change) {
  Model model = known_model(name);
  change(model);
  try {
    validate(model);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Validate, AcceptsEveryKnownModel) {
  for (const KnownModel& known : known_models())
    EXPECT_NO_THROW(validate(known.model)) << known.model.name;
}

TEST(Validate, NamesModelFieldValueAndWhatIsAllowed) {
  EXPECT_EQ(complaint("llama-3-8b", [](Model& m) { m.layers = 0; }),
            "model llama-3-8b: layers must be 1 to 65536, got 0");
  EXPECT_EQ(complaint("llama-3-8b", [](Model& m) { m.kv_heads = 7; }),
            "model llama-3-8b: heads must be a multiple of kv_heads, got 32 and 7");
  EXPECT_THAT(complaint("llama-3-8b", [](Model& m) { m.hidden = std::int64_t{1} << 40; }),
              HasSubstr("hidden"));
  EXPECT_THAT(complaint("mixtral-8x7b", [](Model& m) { m.experts->active = 9; }),
              HasSubstr("1 to 8, got 9"));
}

TEST(Validate, WantsExpertsMlaAndWindowsExactlyWhereTheyBelong) {
  EXPECT_THAT(complaint("mixtral-8x7b", [](Model& m) { m.experts.reset(); }),
              HasSubstr("need experts"));
  EXPECT_THAT(
      complaint("llama-3-8b",
                [](Model& m) { m.experts = Experts{.count = 8, .active = 2, .intermediate = 1}; }),
      HasSubstr("must not have them"));
  EXPECT_THAT(complaint("deepseek-v3", [](Model& m) { m.mla.reset(); }), HasSubstr("mla"));
  EXPECT_THAT(complaint("llama-3-8b", [](Model& m) { m.sliding_window = 4096; }),
              HasSubstr("window pattern"));
}

TEST(Layers, OfDeepseekV3AreDenseUpToTheThird) {
  EXPECT_FALSE(is_moe_layer(known_model("deepseek-v3"), 2));
  EXPECT_TRUE(is_moe_layer(known_model("deepseek-v3"), 3));
  EXPECT_FALSE(is_moe_layer(known_model("llama-3-8b"), 3));
}

TEST(Layers, AreWindowedAsThePatternSays) {
  EXPECT_TRUE(is_windowed_layer(known_model("mistral-7b-v0.1"), 1));
  EXPECT_TRUE(is_windowed_layer(known_model("gemma-2-9b"), 0));
  EXPECT_FALSE(is_windowed_layer(known_model("gemma-2-9b"), 1));
  EXPECT_FALSE(is_windowed_layer(known_model("llama-3-8b"), 0));
}

}  // namespace
}  // namespace rigsim::workloads
