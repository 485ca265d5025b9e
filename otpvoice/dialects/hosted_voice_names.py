"""What the names of hosted voices do not say by themselves: facts from their vendors' public lists, in one form.

Given names stand beside a language tag, or alone where a vendor writes them so; letters number the voices of a
language. A name that is not here is understood by its shape, and is neither a woman's nor a man's then.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_FEMALE: Final = """
    Aarohi Aashi Abbi Abril Achara Achernar Ada Adri Agnieszka Aigul Ainhoa Alba Alina Amal Amala Amanda Amany
    Amber Amina Ana Anahit Ananya Andrea Anila Annette Anu Aoede Aoi Arabella Aria Ariane Ashley Asilia Athina
    Autonoe Ava Aysha Ayumi Banu Beatriz Belkys Bella Blessica Brenda Brigitte Callirrhoe Camila Candela Carlota
    Carly Caroline Catalina Catherine Celeste Charline Chitra Christel Clara Colette Cora Coralie Dalia Dariya
    Dena Denise Despina Dhwani Dilara Eka Ekaterina Elena Elizabeth Elke Eloise Elsa Elsie Elvira Elza Emel Emily
    Emma Erinome Estrella Evelyn Everita Ezinne Fabiola Fatima Fenna Fernanda Fiamma Francisca Freya Gabrijela
    Gacrux Gadis Giovanna Gisela Grace Gudrun Gul HanHan Hanna Harmonie Haruka Hayley Hazel Heami Heather Hedda
    Hedvig Heera Heidi Helena Helia Helle Heloisa Hemkala Herena Hila Hilda Hillevi HiuGaai HiuMaan HoaiMy Hoda
    Hollie Hortense HsiaoChen HsiaoYu Huihui Hulda Iman Imani Imelda Ingrid Irene Irina Irma Isabella Iselin
    Isidora Jacqueline Jane Jenny Jessa JiMin Joana Joanne Josephine Julie Kalina Kalpana Kani Karina Karla Katja
    Kavya Keomany Kim Klarissa Kore Laia Laila Laomedeia Larissa Latifa Laura Layla Leah Leda Leila Leni Leticia
    Lia Libby Linda Lola Lorena Louisa Lucia Luna Madina Maisie Maja Manuela Margarita Maria Marija Marina Marta
    Maryam Mayu Mekdes Mia Michelle Molly Monica Mouna Nabanita Nanami Nancy Natasha Neerja Nia Nilar Noemi Noora
    Noura Nova Nuria Olivia Ona Orla Pallavi Palmira Paloma Paola Paulina Pernille Petra Phoebe Pierina Polina
    Premwadee Priya Pulcherrima Ramona Rana Raquel Reem Rehema Renata Rosa Sabela Salma Salome Sana Sapna Sara
    Saranya Seda Selma SeoHyeon Seraphina Serena Shimmer Shiori Shruti Siti Sobhana Sofia Sofie Sonia SoonBok
    Sophie Sreymom Subhasini Sulafat SunHi Susan Svetlana Swara Sylvie Tania Tanishaa Tanja Teresa Thalita Thando
    Thilini Tina Tracy Triana Tuti Ubax Uzma Vaani Valentina Venba Vera Vesna Viktoria Vindemiatrix Vivienne
    Vlasta XiaoMin Xiaobei Xiaochen Xiaohan Xiaomeng Xiaomo Xiaoni Xiaoqiu Xiaorou Xiaorui Xiaoshuang Xiaotong
    Xiaoxiao Xiaoxuan Xiaoyan Xiaoyi Xiaoyou Xiaoyu Xiaozhen Ximena Yan Yaoyao Yara Yashica Yasmin Yating Yesui
    Yolanda YuJin Yvette Zariyah Zephyr Zira Zofia Zuri
"""
_MALE: Final = """
    Aarav Abdullah Abeo Achird Adam Ahmet Alain Aled Aleksandar Alessio Alex Alfie Algenib Algieba Ali Alloy
    Alnilam Alonso Alvaro Ameha An Anbu Ander Andika Andrei Andres Andrew Angelo Antoine Antonin Antonio Ardi
    Arnau Arnaud Asad Asaf Avri Babek Bashkar Bassel Bataa Benigno Benjamin Bernd BongJin Borislav Brandon Brian
    Calimero Carlos Cataldo Cecilio Chanthavong Charon Chilemba Christoph Christopher Claude Colm Connor Conrad
    Cosimo Daichi Daniel Danny Dario Darren Daudi Daulet Davis Derek Diego Dimas Dmitry Donato Duarte Duncan
    Dustin Echo Elias Elimu Elliot Emil Emilio Enceladus Enric Eric Ethan Fabio Fabrice Fahed Farid Federico
    Fenrir Filip Finn Florian Gagan George Gerard Gerardo Gianni Giorgi Giuseppe Gonzalo GookMin Goran Guillaume
    GulNawaz Gunnar Guy Hamdan Hamed Harri Hayk Hedi Hemant Henri Humberto Hyunsu Iapetus Ichiro Ilir InJoon
    Ismael Ivan Jacob Jajang Jakub Jamal James Jan Jason Javier Jean Jeppe Jerome Jonas Jorge Joseph Juan Julio
    Kai Kangkang Karsten Kasper Keita Ken Kert Killian Klaus Kumar Kunal Lado Laith Leonas Lewis Liam Liberto
    Lisandro Lorenzo Luciano Luis Lukas Luke Maarten Madhur Manohar Manuel Marcello Marcelo Marek Mario Masaru
    Matej Mateo Mattias Maurice Michael Midhun Mitchell Moaz Mohan Muuse Naayf NamMinh Naoki Neil Nestoras
    Nicholas Nicolau Nil Nils Niranjan Niwat Noah Ojas Oliver Ollie Omar Onyx Orus Osman Ostap Pablo Pattara Paul
    Pavel Pelayo Piseth Prabhat Pradeep Priyom Puck Rafiki Ralf Rami Rasalgethi Raul Ravi Rehaan Remy Rinaldo
    Rizwan Roberto Rodrigo Roger Roi Rok Ryan Sadachbia Sadaltager Sagar Saleh Salman Sam Sameera Samuel Sardor
    Saul Schedar Sean Sebastian Shakir Srecko Stefan Stefanos Steffan Sukant Surya Szabolcs Taim Tamas Teo Themba
    Thierry Thiha Thomas Tim Tomas Tony Tristan Umbriel Valerio Valluvar Victor WanLung Wayne Willem William Yago
    YunJhe YunSong Yunbiao Yundeng Yunfan Yunfeng Yunhao Yunjian Yunjie Yunqi Yunxi Yunxia Yunxiang Yunxiao
    Yunyang Yunye Yunyi Yunze Yunzhe Yves Zhiwei Zubenelgenubi
"""

_ALONE: Final = """
    ar    Zeina /
    ar-AE Hala / Zayd
    ca-ES Arlet /
    cs-CZ Jitka /
    cy-GB Gwyneth /
    da-DK Naja Sofie / Mads
    de-AT Hannah /
    de-CH Sabrina /
    de-DE Marlene Vicki / Daniel Hans Lennart
    en-AU Nicole Olivia / Russell
    en-GB Amy Emma / Arthur Brian Geraint
    en-IE Niamh /
    en-IN Aditi Kajal Raveena /
    en-NZ Aria /
    en-SG Jasmine /
    en-US Danielle Ivy Joanna Kendra Kimberly Ruth Salli Tiffany / Gregory Joey Justin Kevin Matthew Patrick Stephen
    en-ZA Ayanda /
    es-ES Alba Conchita Lucia / Enrique Raul Sergio
    es-MX Mia / Andres
    es-US Lupe Penelope / Miguel Pedro
    fi-FI Suvi /
    fr-BE Isabelle /
    fr-CA Chantal Gabrielle / Liam
    fr-FR Ambre Celine Lea / Florian Mathieu Remi
    is-IS Dora / Karl
    it-IT Beatrice Bianca Carla / Adriano Giorgio Lorenzo
    ja-JP Kazuha Mizuki Tomoko / Takumi
    ko-KR Jihye Seoyeon /
    nb-NO Ida Liv /
    nl-BE Lisa /
    nl-NL Laura Lotte / Ruben
    pl-PL Ewa Maja Ola / Jacek Jan
    pt-BR Camila Vitoria / Ricardo Thiago
    pt-PT Ines / Cristiano
    ro-RO Carmen /
    ru-RU Tatyana / Maxim
    sv-SE Astrid Elin /
    tr-TR Burcu Filiz /
    zh-CN Zhiyu /
    zh-HK Hiujin /
"""
"""A tag, the women and the men who speak it and are named without it. Who speaks two languages has the first."""

_LETTERS: Final = """
    af-ZA:A:      ar-XA:AD:BC   bg-BG:A:      bn-IN:A:B     ca-ES:A:      cmn-CN:AD:BC  cmn-TW:A:BC   cs-CZ:A:
    da-DK:ADE:CF  de-DE:ACF:BDE el-GR:A:      en-AU:ACEF:BDG              en-GB:ACFGHI:BDJKLM         en-IN:AD:BC
    en-US:CEFGHKLO:ABDIJMNQ     es-ES:ACDE:BF es-US:AFG:BCDE              eu-ES:A:      fi-FI:A:      fil-PH:AB:CD
    fr-CA:AC:BD   fr-FR:ACE:BD  gl-ES:A:      gu-IN:A:B     he-IL:AC:BD   hi-IN:AD:BC   hu-HU:A:      id-ID:AD:BC
    is-IS:A:      it-IT:AB:CD   ja-JP:AB:CD   kn-IN:A:B     ko-KR:AB:CD   lt-LT::A      lv-LV::A      ml-IN:AC:BD
    mr-IN:AC:B    ms-MY:AC:BD   nb-NO:ACE:BD  nl-BE:A:B     nl-NL:ADE:BC  pa-IN:AC:BD   pl-PL:ADE:BC  pt-BR:AC:B
    pt-PT:AD:BC   ro-RO:A:      ru-RU:ACE:BD  sk-SK:A:      sr-RS:A:      sv-SE:AB:E    ta-IN:AC:BD   te-IN:A:B
    th-TH:AC:     tr-TR:ACD:BE  uk-UA:A:      vi-VN:AC:BD   yue-HK:AC:BD
"""
"""A tag, and the letters of its women and its men; one that depends on the model, is in neither."""


def _by_name() -> dict[str, bool]:
    return dict.fromkeys(_FEMALE.lower().split(), True) | dict.fromkeys(_MALE.lower().split(), False)


def _alone() -> dict[str, tuple[str, bool]]:
    found: dict[str, tuple[str, bool]] = {}
    for line in _ALONE.strip().splitlines():
        tag, names = line.split(maxsplit=1)
        for female, group in zip((True, False), names.lower().split("/"), strict=True):
            found |= dict.fromkeys(group.split(), (tag, female))
    return found


def _by_letter() -> dict[tuple[str, str], bool]:
    rows = (row.lower().split(":") for row in _LETTERS.split())
    return {
        (tag, letter): female
        for tag, women, men in rows
        for female, letters in ((True, women), (False, men))
        for letter in letters
    }


FEMALE: Final[Mapping[str, bool]] = MappingProxyType(_by_name())
"""Is it a woman's voice? By given name, in small letters."""
ALONE: Final[Mapping[str, tuple[str, bool]]] = MappingProxyType(_alone())
"""Names that stand without a tag, in small letters: the tag, and whether it is a woman's."""
LETTER_FEMALE: Final[Mapping[tuple[str, str], bool]] = MappingProxyType(_by_letter())
"""Is it a woman's voice? By tag and letter, in small letters."""
