/* test_utility.c - to come. */
#include "test.h"
TEST(x) { OK(true); }
TEST_MAIN()
