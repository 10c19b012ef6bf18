// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include "config.h"

static void text_is(const char *given, const char *expected)
{
	msg_error_clear();
	assert_int_equal(msg_error("'%s' is bad", given), -1);
	assert_string_equal(msg_error_text(), expected);
	msg_error_clear();
}

static void first_error_stays(void **state)
{
	(void)state;
	msg_error_clear();
	msg_error("first");
	msg_error("second");
	assert_string_equal(msg_error_text(), "first");
	msg_error_clear();
	assert_string_equal(msg_error_text(), "");
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
	(void)state;
	text_is("g1\033[2J", "'g1?[2J' is bad");
	text_is("a\r\n\tb\x7f", "'a???b?' is bad");
	text_is("a\302\2332J", "'a??2J' is bad");
	text_is("a\xc2", "'a\xc2' is bad");
}

static void other_characters_stay(void **state)
{
	(void)state;
	text_is("gr\xc3\xbc\xc3\x9f \xc2\xa0 ~", "'gr\xc3\xbc\xc3\x9f \xc2\xa0 ~' is bad");
}

static void name_in_an_image_is_told_in_clean_words(void **state)
{
	(void)state;
	msg_error_clear();
	assert_null(config_name("{\"c_info\":{\"name\":\"a\\u001b[2J\"}}"));
	assert_non_null(strstr(msg_error_text(), "'a?[2J' cannot be a domain's name"));
	msg_error_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_stays),
		cmocka_unit_test(control_characters_do_not_reach_a_terminal),
		cmocka_unit_test(other_characters_stay),
		cmocka_unit_test(name_in_an_image_is_told_in_clean_words),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
