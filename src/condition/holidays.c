/*
 * holidays.c -- the tables of holidays.h: which days by law, per country. A rule with a region counts
 * in that part only. Years are given where a rule began or ended within living memory.
 */
#include "condition/holidays.h"

#define FIX(m, d)     .kind = CDZ_DAY_FIXED, .month = (m), .day = (d)
#define EASTER(n)     .kind = CDZ_DAY_EASTER, .day = (n)
#define ORTHODOX(n)   .kind = CDZ_DAY_ORTHODOX, .day = (n)
#define NTH(n, w, m)  .kind = CDZ_DAY_NTH, .day = (n), .weekday = (w), .month = (m)
#define FROM(w, m, d) .kind = CDZ_DAY_FROM, .weekday = (w), .month = (m), .day = (d)
#define ONCE(y, m, d) .kind = CDZ_DAY_ONCE, .since = (y), .month = (m), .day = (d)
#define ALL           .region = ""
#define IN(r)         .region = (r)
#define SINCE(y)      .since = (y)
#define UNTIL(y)      .until = (y)
#define OBSERVED(o)   .observed = CDZ_OBSERVED_##o
#define LIST(code, table)                                                                          \
    {                                                                                              \
        code, table, CDZ_COUNT(table)                                                              \
    }

enum { MON, TUE, WED, THU, FRI, SAT, SUN };

/* Countries with the same days of the western church year. */
static const struct cdz_holiday at[] = {
    {ALL, FIX(1, 1)},   {ALL, FIX(1, 6)},  {ALL, EASTER(1)},  {ALL, FIX(5, 1)},
    {ALL, EASTER(39)},  {ALL, EASTER(50)}, {ALL, EASTER(60)}, {ALL, FIX(8, 15)},
    {ALL, FIX(10, 26)}, {ALL, FIX(11, 1)}, {ALL, FIX(12, 8)}, {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
};

static const struct cdz_holiday au[] = {
    {ALL, FIX(1, 1), OBSERVED(MONDAY)},
    {ALL, FIX(1, 26), OBSERVED(MONDAY)},
    {ALL, EASTER(-2)},
    {ALL, EASTER(1)},
    {ALL, FIX(4, 25)},
    {ALL, FIX(12, 25), OBSERVED(PLUS2)},
    {ALL, FIX(12, 26), OBSERVED(PLUS2)},
    {ALL, ONCE(2022, 9, 22)},
    {IN("NSW"), EASTER(-1)},
    {IN("NSW"), EASTER(0)},
    {IN("NSW"), NTH(2, MON, 6)},
    {IN("NSW"), NTH(1, MON, 10)},
    {IN("QLD"), EASTER(-1)},
    {IN("QLD"), EASTER(0)},
    {IN("QLD"), NTH(1, MON, 5)},
    {IN("QLD"), NTH(1, MON, 10)},
};

static const struct cdz_holiday be[] = {
    {ALL, FIX(1, 1)},  {ALL, EASTER(0)},  {ALL, EASTER(1)},   {ALL, FIX(5, 1)},
    {ALL, EASTER(39)}, {ALL, EASTER(49)}, {ALL, EASTER(50)},  {ALL, FIX(7, 21)},
    {ALL, FIX(8, 15)}, {ALL, FIX(11, 1)}, {ALL, FIX(11, 11)}, {ALL, FIX(12, 25)},
};

static const struct cdz_holiday br[] = {
    {ALL, FIX(1, 1)},   {ALL, EASTER(-2)},  {ALL, FIX(4, 21)},
    {ALL, FIX(5, 1)},   {ALL, FIX(9, 7)},   {ALL, FIX(10, 12)},
    {ALL, FIX(11, 2)},  {ALL, FIX(11, 15)}, {ALL, FIX(11, 20), SINCE(2024)},
    {ALL, FIX(12, 25)},
};

/* The days of the Canada Labour Code. */
static const struct cdz_holiday ca[] = {
    {ALL, FIX(1, 1), OBSERVED(MONDAY)},
    {ALL, EASTER(-2)},
    {ALL, FROM(MON, 5, 18)},
    {ALL, FIX(7, 1), OBSERVED(MONDAY)},
    {ALL, NTH(1, MON, 9)},
    {ALL, FIX(9, 30), SINCE(2021), OBSERVED(MONDAY)},
    {ALL, NTH(2, MON, 10)},
    {ALL, FIX(11, 11), OBSERVED(MONDAY)},
    {ALL, FIX(12, 25), OBSERVED(PLUS2)},
    {ALL, FIX(12, 26), OBSERVED(PLUS2)},
};

static const struct cdz_holiday ch[] = {
    {ALL, FIX(1, 1)},        {ALL, EASTER(39)},       {ALL, FIX(8, 1)},
    {ALL, FIX(12, 25)},      {IN("ZH"), EASTER(-2)},  {IN("ZH"), EASTER(1)},
    {IN("ZH"), FIX(5, 1)},   {IN("ZH"), EASTER(50)},  {IN("ZH"), FIX(12, 26)},
    {IN("BE"), FIX(1, 2)},   {IN("BE"), EASTER(-2)},  {IN("BE"), EASTER(1)},
    {IN("BE"), EASTER(50)},  {IN("BE"), FIX(12, 26)}, {IN("GE"), EASTER(-2)},
    {IN("GE"), EASTER(1)},   {IN("GE"), EASTER(50)},  {IN("GE"), FROM(THU, 9, 5)},
    {IN("GE"), FIX(12, 31)}, {IN("VD"), FIX(1, 2)},   {IN("VD"), EASTER(-2)},
    {IN("VD"), EASTER(1)},   {IN("VD"), EASTER(50)},  {IN("VD"), FROM(MON, 9, 16)},
};

static const struct cdz_holiday cz[] = {
    {ALL, FIX(1, 1)},   {ALL, EASTER(-2), SINCE(2016)},
    {ALL, EASTER(1)},   {ALL, FIX(5, 1)},
    {ALL, FIX(5, 8)},   {ALL, FIX(7, 5)},
    {ALL, FIX(7, 6)},   {ALL, FIX(9, 28)},
    {ALL, FIX(10, 28)}, {ALL, FIX(11, 17)},
    {ALL, FIX(12, 24)}, {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
};

static const struct cdz_holiday de[] = {
    {ALL, FIX(1, 1)},
    {ALL, EASTER(-2)},
    {ALL, EASTER(1)},
    {ALL, FIX(5, 1)},
    {ALL, EASTER(39)},
    {ALL, EASTER(50)},
    {ALL, FIX(10, 3), SINCE(1990)},
    {ALL, ONCE(2017, 10, 31)},
    {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
    {IN("BW"), FIX(1, 6)},
    {IN("BW"), EASTER(60)},
    {IN("BW"), FIX(11, 1)},
    {IN("BY"), FIX(1, 6)},
    {IN("BY"), EASTER(60)},
    {IN("BY"), FIX(11, 1)},
    {IN("BE"), FIX(3, 8), SINCE(2019)},
    {IN("BE"), ONCE(2020, 5, 8)},
    {IN("BE"), ONCE(2025, 5, 8)},
    {IN("BB"), EASTER(0)},
    {IN("BB"), EASTER(49)},
    {IN("BB"), FIX(10, 31)},
    {IN("HB"), FIX(10, 31), SINCE(2018)},
    {IN("HH"), FIX(10, 31), SINCE(2018)},
    {IN("HE"), EASTER(60)},
    {IN("MV"), FIX(3, 8), SINCE(2023)},
    {IN("MV"), FIX(10, 31)},
    {IN("NI"), FIX(10, 31), SINCE(2018)},
    {IN("NW"), EASTER(60)},
    {IN("NW"), FIX(11, 1)},
    {IN("RP"), EASTER(60)},
    {IN("RP"), FIX(11, 1)},
    {IN("SL"), EASTER(60)},
    {IN("SL"), FIX(8, 15)},
    {IN("SL"), FIX(11, 1)},
    {IN("SN"), FIX(10, 31)},
    {IN("SN"), FROM(WED, 11, 16)},
    {IN("ST"), FIX(1, 6)},
    {IN("ST"), FIX(10, 31)},
    {IN("SH"), FIX(10, 31), SINCE(2018)},
    {IN("TH"), FIX(9, 20), SINCE(2019)},
    {IN("TH"), FIX(10, 31)},
};

static const struct cdz_holiday dk[] = {
    {ALL, FIX(1, 1)},   {ALL, EASTER(-3)},  {ALL, EASTER(-2)},
    {ALL, EASTER(0)},   {ALL, EASTER(1)},   {ALL, EASTER(26), UNTIL(2023)},
    {ALL, EASTER(39)},  {ALL, EASTER(49)},  {ALL, EASTER(50)},
    {ALL, FIX(12, 25)}, {ALL, FIX(12, 26)},
};

static const struct cdz_holiday es[] = {
    {ALL, FIX(1, 1)},       {ALL, FIX(1, 6)},       {ALL, EASTER(-2)},      {ALL, FIX(5, 1)},
    {ALL, FIX(8, 15)},      {ALL, FIX(10, 12)},     {ALL, FIX(11, 1)},      {ALL, FIX(12, 6)},
    {ALL, FIX(12, 8)},      {ALL, FIX(12, 25)},     {IN("MD"), EASTER(-3)}, {IN("MD"), FIX(5, 2)},
    {IN("CT"), EASTER(1)},  {IN("CT"), FIX(6, 24)}, {IN("CT"), FIX(9, 11)}, {IN("CT"), FIX(12, 26)},
    {IN("AN"), EASTER(-3)}, {IN("AN"), FIX(2, 28)},
};

static const struct cdz_holiday fi[] = {
    {ALL, FIX(1, 1)},        {ALL, FIX(1, 6)},         {ALL, EASTER(-2)}, {ALL, EASTER(0)},
    {ALL, EASTER(1)},        {ALL, FIX(5, 1)},         {ALL, EASTER(39)}, {ALL, EASTER(49)},
    {ALL, FROM(SAT, 6, 20)}, {ALL, FROM(SAT, 10, 31)}, {ALL, FIX(12, 6)}, {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
};

/* 57, 67, 68: Moselle, Bas-Rhin, Haut-Rhin. */
static const struct cdz_holiday fr[] = {
    {ALL, FIX(1, 1)},        {ALL, EASTER(1)},        {ALL, FIX(5, 1)},
    {ALL, FIX(5, 8)},        {ALL, EASTER(39)},       {ALL, EASTER(50)},
    {ALL, FIX(7, 14)},       {ALL, FIX(8, 15)},       {ALL, FIX(11, 1)},
    {ALL, FIX(11, 11)},      {ALL, FIX(12, 25)},      {IN("57"), EASTER(-2)},
    {IN("57"), FIX(12, 26)}, {IN("67"), EASTER(-2)},  {IN("67"), FIX(12, 26)},
    {IN("68"), EASTER(-2)},  {IN("68"), FIX(12, 26)},
};

static const struct cdz_holiday gb[] = {
    {ALL, FIX(1, 1), OBSERVED(MONDAY)},
    {ALL, EASTER(-2)},
    {ALL, NTH(1, MON, 5), UNTIL(2019)},
    {ALL, ONCE(2020, 5, 8)},
    {ALL, NTH(1, MON, 5), SINCE(2021)},
    {ALL, NTH(-1, MON, 5), UNTIL(2021)},
    {ALL, ONCE(2022, 6, 2)},
    {ALL, ONCE(2022, 6, 3)},
    {ALL, ONCE(2022, 9, 19)},
    {ALL, ONCE(2023, 5, 8)},
    {ALL, NTH(-1, MON, 5), SINCE(2023)},
    {ALL, FIX(12, 25), OBSERVED(PLUS2)},
    {ALL, FIX(12, 26), OBSERVED(PLUS2)},
    {IN("ENG"), EASTER(1)},
    {IN("ENG"), NTH(-1, MON, 8)},
    {IN("WLS"), EASTER(1)},
    {IN("WLS"), NTH(-1, MON, 8)},
    {IN("NIR"), FIX(3, 17), OBSERVED(MONDAY)},
    {IN("NIR"), EASTER(1)},
    {IN("NIR"), FIX(7, 12), OBSERVED(MONDAY)},
    {IN("NIR"), NTH(-1, MON, 8)},
    {IN("SCT"), FIX(1, 1), OBSERVED(PLUS2)},
    {IN("SCT"), FIX(1, 2), OBSERVED(PLUS2)},
    {IN("SCT"), NTH(1, MON, 8)},
    {IN("SCT"), FIX(11, 30), OBSERVED(MONDAY)},
};

static const struct cdz_holiday gr[] = {
    {ALL, FIX(1, 1)},    {ALL, FIX(1, 6)},    {ALL, ORTHODOX(-48)}, {ALL, FIX(3, 25)},
    {ALL, ORTHODOX(-2)}, {ALL, ORTHODOX(0)},  {ALL, ORTHODOX(1)},   {ALL, FIX(5, 1)},
    {ALL, ORTHODOX(49)}, {ALL, ORTHODOX(50)}, {ALL, FIX(8, 15)},    {ALL, FIX(10, 28)},
    {ALL, FIX(12, 25)},  {ALL, FIX(12, 26)},
};

static const struct cdz_holiday hu[] = {
    {ALL, FIX(1, 1)},   {ALL, FIX(3, 15)}, {ALL, EASTER(-2), SINCE(2017)},
    {ALL, EASTER(0)},   {ALL, EASTER(1)},  {ALL, FIX(5, 1)},
    {ALL, EASTER(49)},  {ALL, EASTER(50)}, {ALL, FIX(8, 20)},
    {ALL, FIX(10, 23)}, {ALL, FIX(11, 1)}, {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
};

static const struct cdz_holiday ie[] = {
    {ALL, FIX(1, 1)},        {ALL, .kind = CDZ_DAY_BRIGID, SINCE(2023)},
    {ALL, FIX(3, 17)},       {ALL, ONCE(2022, 3, 18)},
    {ALL, EASTER(1)},        {ALL, NTH(1, MON, 5)},
    {ALL, NTH(1, MON, 6)},   {ALL, NTH(1, MON, 8)},
    {ALL, NTH(-1, MON, 10)}, {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
};

static const struct cdz_holiday it[] = {
    {ALL, FIX(1, 1)},       {ALL, FIX(1, 6)},  {ALL, EASTER(0)},   {ALL, EASTER(1)},
    {ALL, FIX(4, 25)},      {ALL, FIX(5, 1)},  {ALL, FIX(6, 2)},   {ALL, FIX(8, 15)},
    {ALL, FIX(11, 1)},      {ALL, FIX(12, 8)}, {ALL, FIX(12, 25)}, {ALL, FIX(12, 26)},
    {IN("BZ"), EASTER(50)},
};

/* 2019: the emperor; 2020 and 2021: days moved for the Olympic Games. */
#define JP(...)                                                                                    \
    {                                                                                              \
        ALL, OBSERVED(JAPAN), __VA_ARGS__                                                          \
    }
static const struct cdz_holiday jp[] = {
    JP(FIX(1, 1)),
    JP(NTH(2, MON, 1), SINCE(2000)),
    JP(FIX(2, 11)),
    JP(FIX(2, 23), SINCE(2020)),
    JP(.kind = CDZ_DAY_VERNAL),
    JP(FIX(4, 29)),
    JP(ONCE(2019, 4, 30)),
    JP(ONCE(2019, 5, 1)),
    JP(ONCE(2019, 5, 2)),
    JP(FIX(5, 3)),
    JP(FIX(5, 4)),
    JP(FIX(5, 5)),
    JP(NTH(3, MON, 7), SINCE(2003), UNTIL(2019)),
    JP(ONCE(2020, 7, 23)),
    JP(ONCE(2020, 7, 24)),
    JP(ONCE(2020, 8, 10)),
    JP(ONCE(2021, 7, 22)),
    JP(ONCE(2021, 7, 23)),
    JP(ONCE(2021, 8, 8)),
    JP(NTH(3, MON, 7), SINCE(2022)),
    JP(FIX(8, 11), SINCE(2016), UNTIL(2019)),
    JP(FIX(8, 11), SINCE(2022)),
    JP(NTH(3, MON, 9), SINCE(2003)),
    JP(.kind = CDZ_DAY_AUTUMNAL),
    JP(NTH(2, MON, 10), SINCE(2000), UNTIL(2019)),
    JP(ONCE(2019, 10, 22)),
    JP(NTH(2, MON, 10), SINCE(2022)),
    JP(FIX(11, 3)),
    JP(FIX(11, 23)),
    JP(FIX(12, 23), SINCE(1989), UNTIL(2018)),
};

static const struct cdz_holiday lu[] = {
    {ALL, FIX(1, 1)},  {ALL, EASTER(1)},   {ALL, FIX(5, 1)},   {ALL, FIX(5, 9), SINCE(2019)},
    {ALL, EASTER(39)}, {ALL, EASTER(50)},  {ALL, FIX(6, 23)},  {ALL, FIX(8, 15)},
    {ALL, FIX(11, 1)}, {ALL, FIX(12, 25)}, {ALL, FIX(12, 26)},
};

static const struct cdz_holiday mx[] = {
    {ALL, FIX(1, 1)},         {ALL, NTH(1, MON, 2)},  {ALL, NTH(3, MON, 3)},
    {ALL, FIX(5, 1)},         {ALL, FIX(9, 16)},      {ALL, ONCE(2024, 10, 1)},
    {ALL, ONCE(2030, 10, 1)}, {ALL, NTH(3, MON, 11)}, {ALL, FIX(12, 25)},
};

/* Liberation day is a day off in every fifth year. */
static const struct cdz_holiday nl[] = {
    {ALL, FIX(1, 1)},        {ALL, EASTER(0)},
    {ALL, EASTER(1)},        {ALL, FIX(4, 27), SINCE(2014), OBSERVED(BEFORE)},
    {ALL, ONCE(2015, 5, 5)}, {ALL, ONCE(2020, 5, 5)},
    {ALL, ONCE(2025, 5, 5)}, {ALL, ONCE(2030, 5, 5)},
    {ALL, ONCE(2035, 5, 5)}, {ALL, EASTER(39)},
    {ALL, EASTER(49)},       {ALL, EASTER(50)},
    {ALL, FIX(12, 25)},      {ALL, FIX(12, 26)},
};

static const struct cdz_holiday no[] = {
    {ALL, FIX(1, 1)},  {ALL, EASTER(-3)}, {ALL, EASTER(-2)},  {ALL, EASTER(0)},
    {ALL, EASTER(1)},  {ALL, FIX(5, 1)},  {ALL, FIX(5, 17)},  {ALL, EASTER(39)},
    {ALL, EASTER(49)}, {ALL, EASTER(50)}, {ALL, FIX(12, 25)}, {ALL, FIX(12, 26)},
};

static const struct cdz_holiday pl[] = {
    {ALL, FIX(1, 1)},   {ALL, FIX(1, 6), SINCE(2011)},
    {ALL, EASTER(0)},   {ALL, EASTER(1)},
    {ALL, FIX(5, 1)},   {ALL, FIX(5, 3)},
    {ALL, EASTER(49)},  {ALL, EASTER(60)},
    {ALL, FIX(8, 15)},  {ALL, FIX(11, 1)},
    {ALL, FIX(11, 11)}, {ALL, FIX(12, 24), SINCE(2025)},
    {ALL, FIX(12, 25)}, {ALL, FIX(12, 26)},
};

static const struct cdz_holiday pt[] = {
    {ALL, FIX(1, 1)},  {ALL, EASTER(-2)}, {ALL, EASTER(0)},   {ALL, FIX(4, 25)}, {ALL, FIX(5, 1)},
    {ALL, EASTER(60)}, {ALL, FIX(6, 10)}, {ALL, FIX(8, 15)},  {ALL, FIX(10, 5)}, {ALL, FIX(11, 1)},
    {ALL, FIX(12, 1)}, {ALL, FIX(12, 8)}, {ALL, FIX(12, 25)},
};

static const struct cdz_holiday ro[] = {
    {ALL, FIX(1, 1)},
    {ALL, FIX(1, 2)},
    {ALL, FIX(1, 6), SINCE(2024)},
    {ALL, FIX(1, 7), SINCE(2024)},
    {ALL, FIX(1, 24), SINCE(2017)},
    {ALL, ORTHODOX(-2), SINCE(2018)},
    {ALL, ORTHODOX(0)},
    {ALL, ORTHODOX(1)},
    {ALL, FIX(5, 1)},
    {ALL, FIX(6, 1), SINCE(2017)},
    {ALL, ORTHODOX(49)},
    {ALL, ORTHODOX(50)},
    {ALL, FIX(8, 15)},
    {ALL, FIX(11, 30)},
    {ALL, FIX(12, 1)},
    {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
};

static const struct cdz_holiday se[] = {
    {ALL, FIX(1, 1)},        {ALL, FIX(1, 6)},         {ALL, EASTER(-2)},
    {ALL, EASTER(0)},        {ALL, EASTER(1)},         {ALL, FIX(5, 1)},
    {ALL, EASTER(39)},       {ALL, EASTER(49)},        {ALL, FIX(6, 6), SINCE(2005)},
    {ALL, FROM(SAT, 6, 20)}, {ALL, FROM(SAT, 10, 31)}, {ALL, FIX(12, 25)},
    {ALL, FIX(12, 26)},
};

/* The federal days; of the states only a few are known. */
static const struct cdz_holiday us[] = {
    {ALL, FIX(1, 1), OBSERVED(NEAREST)},
    {ALL, NTH(3, MON, 1), SINCE(1986)},
    {ALL, NTH(3, MON, 2)},
    {ALL, NTH(-1, MON, 5)},
    {ALL, FIX(6, 19), SINCE(2021), OBSERVED(NEAREST)},
    {ALL, FIX(7, 4), OBSERVED(NEAREST)},
    {ALL, NTH(1, MON, 9)},
    {ALL, NTH(2, MON, 10)},
    {ALL, FIX(11, 11), OBSERVED(NEAREST)},
    {ALL, NTH(4, THU, 11)},
    {ALL, FIX(12, 25), OBSERVED(NEAREST)},
    {IN("CA"), FIX(3, 31)},
    {IN("CA"), FROM(FRI, 11, 23)},
    {IN("MA"), NTH(3, MON, 4)},
    {IN("HI"), FIX(3, 26)},
    {IN("HI"), EASTER(-2)},
    {IN("HI"), FIX(6, 11)},
    {IN("HI"), NTH(3, FRI, 8)},
};

static const struct cdz_holiday nz[] = {
    {ALL, FIX(1, 1), OBSERVED(PLUS2)},
    {ALL, FIX(1, 2), OBSERVED(PLUS2)},
    {ALL, FIX(2, 6), UNTIL(2013)},
    {ALL, FIX(2, 6), SINCE(2014), OBSERVED(MONDAY)},
    {ALL, EASTER(-2)},
    {ALL, EASTER(1)},
    {ALL, FIX(4, 25), UNTIL(2013)},
    {ALL, FIX(4, 25), SINCE(2014), OBSERVED(MONDAY)},
    {ALL, NTH(1, MON, 6)},
    {ALL, ONCE(2022, 6, 24)},
    {ALL, ONCE(2022, 9, 26)},
    {ALL, ONCE(2023, 7, 14)},
    {ALL, ONCE(2024, 6, 28)},
    {ALL, ONCE(2025, 6, 20)},
    {ALL, ONCE(2026, 7, 10)},
    {ALL, ONCE(2027, 6, 25)},
    {ALL, ONCE(2028, 7, 14)},
    {ALL, ONCE(2029, 7, 6)},
    {ALL, ONCE(2030, 6, 21)},
    {ALL, NTH(4, MON, 10)},
    {ALL, FIX(12, 25), OBSERVED(PLUS2)},
    {ALL, FIX(12, 26), OBSERVED(PLUS2)},
};

const struct cdz_holiday_country cdz_holiday_countries[] = {
    LIST("AT", at), LIST("AU", au), LIST("BE", be), LIST("BR", br), LIST("CA", ca), LIST("CH", ch),
    LIST("CZ", cz), LIST("DE", de), LIST("DK", dk), LIST("ES", es), LIST("FI", fi), LIST("FR", fr),
    LIST("GB", gb), LIST("GR", gr), LIST("HU", hu), LIST("IE", ie), LIST("IT", it), LIST("JP", jp),
    LIST("LU", lu), LIST("MX", mx), LIST("NL", nl), LIST("NO", no), LIST("NZ", nz), LIST("PL", pl),
    LIST("PT", pt), LIST("RO", ro), LIST("SE", se), LIST("US", us),
};
const size_t cdz_holiday_country_count = CDZ_COUNT(cdz_holiday_countries);
